say() { # in the language of the locale; the Chinese of systemd/zh.sed
    case ${LC_ALL:-${LC_MESSAGES:-${LANG:-}}} in
        zh*) printf '%s\n' "$1" | sed '@CHINESE@' ;;
        *) printf '%s\n' "$1" ;;
    esac
}
