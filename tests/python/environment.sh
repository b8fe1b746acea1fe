# Sourced, with $work and $python set: virtual environments that are made once.

skip() {
  echo "skipped: $*" >&2
  exit 77
}

# environment NAME PACKAGE...: makes the virtual environment $work/NAME, once.
environment() {
  local folder=$work/$1 stamp
  shift
  stamp="$("$python" -VV) $*"
  [[ $(cat "$folder/made-of" 2>/dev/null) == "$stamp" ]] && return
  rm -rf "$folder"
  "$python" -m venv "$folder"
  "$folder/bin/pip" install -q --retries 1 "$@" >&2 || skip "PyPI does not answer: $*"
  echo "$stamp" >"$folder/made-of"
}
