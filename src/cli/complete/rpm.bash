# Completions of rpm, for bash. It asks the program itself: apps, options and commands are those of its version.
_rpm_native() {
  local program=${COMP_WORDS[0]/#\~/$HOME} mode='' word about
  local -a found=() files=()
  while IFS=$'\t' read -r word about; do
    if [[ -z $mode ]]; then mode=$word; else found+=("$word"); fi
  done < <("$program" completion --at "$COMP_CWORD" -- "${COMP_WORDS[@]}" 2>/dev/null)
  if [[ $mode == files ]]; then
    local current=${COMP_WORDS[COMP_CWORD]}
    [[ $current == = ]] && current=''
    while IFS= read -r word; do files+=("$word"); done < <(compgen -f -- "$current")
    compopt -o filenames 2>/dev/null
  fi
  COMPREPLY=("${found[@]}" "${files[@]}")
}
complete -F _rpm_native rpm rpm-native
