/**
 * The file operations in POSIX shell, with coreutils' `sync FILE` and `mv -T`. Paths come as arguments ($1, $2…),
 * never as text of the script. What arrives over stdin is counted before it is believed: a connection that breaks
 * looks like the end of a file from there.
 */

/** Exit codes that stand for ENOENT and EEXIST. */
export const MISSING = 44;
export const EXISTS = 45;

/** Words in English, files for this user alone, and a way to put things on disk for good. */
export const PRELUDE = `
export LC_ALL=C
umask 077
synced() { sync -- "$1" 2>/dev/null || sync; }
size() { stat -L -c %s -- "$1"; }
there() { [ -e "$1" ] || [ -L "$1" ]; }
`;

export const READ = `
there "$1" || exit ${MISSING}
exec cat -- "$1"
`;

export const IS_FILE = `there "$1" || exit ${MISSING}; [ ! -d "$1" ] || { echo "it is a folder" >&2; exit 1; }`;

export const MAKE_ABOVE = `mkdir -p -- "$(dirname -- "$1")"`;

export const TAKE = `exec cat > "$1"`;

/** $1 draft, $2 file, $3 mode, $4 bytes. */
export const PUT = `
found=$(size "$1") && [ "$found" -eq "$4" ] || { rm -f -- "$1"; echo "cut off: $found of $4 bytes came" >&2; exit 1; }
chmod "$3" "$1" && synced "$1" && mv -fT -- "$1" "$2" && synced "$(dirname -- "$2")" && exit 0
rm -f -- "$1"; exit 1
`;

export const WRITE = `
mkdir -p -- "$(dirname -- "$2")" || exit 1
cat > "$1" || { rm -f -- "$1"; exit 1; }
${PUT}`;

/** $1 file, $2 bytes. Half a line is closed by the next one. */
export const APPEND = `
dir=$(dirname -- "$1")
mkdir -p -- "$dir" || exit 1
there "$1" && new= || new=1
if [ -s "$1" ] && [ -n "$(tail -c 1 -- "$1")" ]; then echo >> "$1" || exit 1; fi
before=$( [ -z "$new" ] && size "$1" || echo 0)
cat >> "$1" || exit 1
after=$(size "$1")
[ $((after - before)) -eq "$2" ] || { echo "cut off: $((after - before)) of $2 bytes came" >&2; exit 1; }
synced "$1" && { [ -z "$new" ] || synced "$dir"; }
`;

export const LIST = `
there "$1" || exit ${MISSING}
cd -- "$1" || exit 1
for name in * .*; do
  case "$name" in . | ..) continue ;; esac
  if there "$name"; then printf '%s\\0' "$name"; fi
done
`;

export const MAKE_DIR = `mkdir -p -- "$1" && chmod "$2" "$1"`;

export const REMOVE = `rm -rf -- "$1"`;

export const RENAME = `
there "$1" || exit ${MISSING}
mv -fT -- "$1" "$2" && synced "$3"
`;

export const LINK = `
there "$1" || exit ${MISSING}
words=$(ln -T -- "$1" "$2" 2>&1) && { synced "$3"; exit 0; }
case "$words" in *"File exists"*) exit ${EXISTS} ;; esac
echo "$words" >&2; exit 1
`;

export const TOUCH = `
there "$1" || exit ${MISSING}
exec touch -c -- "$1"
`;

export const MODIFIED = `
there "$1" || exit ${MISSING}
stat -c %.3Y -- "$1" 2>/dev/null || exec stat -c %Y -- "$1"
`;

/** Of the nearest folder that is there. */
export const FREE = `
path=$1
while [ ! -e "$path" ]; do path=$(dirname -- "$path"); done
exec df -Pk -- "$path"
`;
