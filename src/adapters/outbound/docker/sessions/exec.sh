# Runs one program of a session: "$3" is `shell` and "$4" a command, or "$3" is `node` and "$4" the size of a module that
# comes in by standard input. When it is over, both outputs get the mark, whatever still runs in the background. The mark
# is "$1" and "$2" together, so that a list of processes does not show it.
if [ "$3" = node ]; then
  file=/workspace/.run.mjs
  head -c "$4" >"$file" && node "$file" </dev/null
  status=$?
  rm -f "$file"
else
  /bin/sh -c "$4" </dev/null
  status=$?
fi
printf %s%s "$1" "$2"
printf %s%s "$1" "$2" >&2
exit $status
