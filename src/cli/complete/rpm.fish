# Completions of rpm, for fish. It asks the program itself: apps, options and commands are those of its version.
function __rpm_native
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l lines ($words[1] completion --at (count $words) -- $words "$current" 2>/dev/null)
    test "$lines[1]" = files; and __fish_complete_path "$current"
    set -e lines[1]
    printf '%s\n' $lines
end
complete -c rpm -f -a '(__rpm_native)'
complete -c rpm-native -f -a '(__rpm_native)'
