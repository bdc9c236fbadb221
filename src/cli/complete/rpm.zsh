#compdef rpm rpm-native
# Completions of rpm, for zsh. It asks the program itself: apps, options and commands are those of its version.
_rpm_native() {
  local program=${~words[1]} mode='' word about
  local -a found
  while IFS=$'\t' read -r word about; do
    if [[ -z $mode ]]; then mode=$word; else found+=("${word//:/\\:}:${about}"); fi
  done < <($program completion --at $((CURRENT - 1)) -- "${words[@]}" 2>/dev/null)
  (( $#found )) && _describe -o rpm found
  [[ $mode == files ]] && _files
}
if [[ ${funcstack[1]} == _rpm ]]; then
  _rpm_native "$@"
else
  compdef _rpm_native rpm rpm-native
fi
