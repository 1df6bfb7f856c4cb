// The pinned k6. Built from here with `go build` where no release of it can be downloaded.
module papergate.local/k6

go 1.26

require go.k6.io/k6/v2 v2.2.0
