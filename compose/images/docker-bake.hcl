# docker buildx bake --file compose/images/docker-bake.hcl, in a folder that holds exactly one commit's tree.
variable "COMMIT" {}
variable "VERSION" { default = "0.0.0" }
variable "SOURCE" { default = "" }
variable "EPOCH" { default = "0" }
variable "NODE_IMAGE" { default = "node:24-bookworm-slim@sha256:0e0ff40c39bc087845bfb27465a0df4ea419520094bc35842ff83dd8cbe6f9b6" }

group "default" {
  targets = ["services"]
}

target "services" {
  name = service
  matrix = {
    service = [
      "market-data", "signal-bridge", "risk-manager", "execution-engine",
      "orchestrator", "observability-api", "dashboard", "paper-exchange",
    ]
  }
  context    = "."
  dockerfile = "compose/images/Dockerfile"
  target     = "service"
  args = {
    SERVICE           = service
    COMMIT            = COMMIT
    VERSION           = VERSION
    SOURCE            = SOURCE
    NODE_IMAGE        = NODE_IMAGE
    SOURCE_DATE_EPOCH = EPOCH
  }
  tags   = ["papergate/${service}:${COMMIT}"]
  output = ["type=docker"]
}
