# The first process of a container that runs npm: runs it beside itself, says on standard output how it went, and
# waits for the end of its own input. When that comes, the server that made the container no longer needs it or is
# gone: this process ends, and with it the kernel ends every other one inside.
#
# "$1": `resolve` writes the lock of /deps/package.json, `install` installs what the lock beside it says. "$2": most
# KiB of disk meanwhile. What it says is one line, `done STATUS KIB BYTES`, and then BYTES of the lock. npm itself, and so
# whatever a registry sends, has nothing but the log.
mode=$1
most=$2
shift 2
umask 022
# As for a call, whose first process this is too: what may be run and not read, nobody looks into.
cp /bin/sh /lease/sh && chmod 111 /lease/sh || exit 70
(
  exec 3>&1 1>&2 </dev/null
  size() { du -sk "$1" 2>/dev/null | cut -f1; }
  case $mode in
    resolve) cd /workspace && cp /deps/package.json . && exec npm install --package-lock-only "$@" 3>&- ;;
    install) cd /deps && exec npm ci "$@" 3>&- ;;
  esac &
  npm=$!
  while sleep 0.3; do
    now=$(size /deps)
    [ "${now:-0}" -le "$most" ] || { echo "done full $now 0" >&3; break; }
  done &
  watch=$!
  wait $npm
  status=$?
  kill $watch 2>/dev/null
  rm -rf /deps/.npm/cache /deps/.npm/ca.pem
  lock=/workspace/package-lock.json
  bytes=0
  if [ "$status" = 0 ] && [ "$mode" = resolve ]; then
    bytes=$(wc -c <$lock)
  fi
  echo "done $status $(size /deps/node_modules) $bytes" >&3
  [ "$bytes" = 0 ] || cat $lock >&3
) &
# Whoever reads the packages ends by the same event: the volume goes with this container, if nobody else has it.
exec /lease/sh -c 'while read -r _; do :; done; sleep 2'
