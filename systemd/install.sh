#!/bin/sh
# Installs the station agent, upgrades it, or goes back. A release is built beside the running
# one and takes its place only when it is complete, so a failure changes nothing.
set -eu
umask 022
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1

prefix=/opt/station-agent root='' python='' wheels='' start='' task=install fresh_slot='' wanted='' interpreter='' lang=''
here=$(cd "$(dirname "$0")" && pwd)
tree=${here%/*}

usage() {
    in_language <<USAGE
usage: install.sh [--start] [--wheel FILE] [--wheels DIR] [--python PATH] [--prefix DIR] [--root DIR] [--lang en|zh]
       install.sh --rollback
       install.sh --uninstall
  --start        also enable and start the service, once its configuration passes
  --wheel FILE   install this build (default: a station_agent-*.whl in DIR or dist/, else the source tree)
  --wheels DIR   take every package from DIR and nothing from the network (default: those of the bundle)
  --python PATH  the Python to use (default: that of the bundle, else the newest fit one of this machine)
  --prefix DIR   where the program goes (default: /opt/station-agent)
  --root DIR     install for a machine whose root file system lies in DIR; no service is touched
  --rollback     back to the release before, and to the configuration that it had
  --uninstall    remove the program; configuration, udev rules, data, user and groups stay
  --lang en|zh   the language to speak (default: that of the locale)
USAGE
}

in_language() { # what is said here stands in English in the code, and in Chinese in zh.sed
    case ${lang:-${LC_ALL:-${LC_MESSAGES:-${LANG:-}}}} in
        zh*) sed -f "$here/zh.sed" ;;
        *) cat ;;
    esac
}

say() { printf '%s\n' "$1" | in_language; }

die() { # WHAT NEXT-STEP
    printf 'install.sh: %s\n  next: %s\n' "$1" "$2" | in_language >&2
    exit 1
}

read_options() {
    wheel=''
    while [ $# -gt 0 ]; do
        case $1 in
            --start) start=yes ;;
            --uninstall | --rollback) task=${1#--} ;;
            --help | -h) usage; exit 0 ;;
            --wheel | --wheels | --python | --prefix | --root | --lang)
                [ $# -ge 2 ] || die "$1 needs a value" 'install.sh --help'
                case $1 in
                    --wheel) wheel=$2 ;;
                    --wheels) wheels=$2 ;;
                    --python) python=$2 ;;
                    --prefix) prefix=$2 ;;
                    --root) root=${2%/} ;;
                    --lang) lang=$2 ;;
                esac
                shift ;;
            *) die "unknown option $1" 'install.sh --help' ;;
        esac
        shift
    done
    case $lang in '' | en | zh) ;; *) die "--lang $lang is neither en nor zh" 'install.sh --help' ;; esac
    case $prefix in /*) ;; *) die "--prefix $prefix is not an absolute path" 'install.sh --help' ;; esac
    program=$root$prefix
    config=$root/etc/station-agent
    station=$config/station.toml
    udev_rules=$root/etc/udev/rules.d/99-station-agent.rules
    vendor=$root/usr/local/lib
    command=$root/usr/local/bin/station-agent
}

open_bundle() { # what "make bundle" packed: all of it as it was packed, or nothing of it is used
    [ -f "$tree/SHA256SUMS" ] || return 0
    (cd "$tree" && sha256sum --check --strict --quiet SHA256SUMS) ||
        die 'the bundle is damaged (above); nothing was changed' 'copy it again, and compare its sha256 with that of the original'
    read -r machine wanted <"$tree/TARGET"
    [ -n "$root" ] || [ "$(uname -m)" = "$machine" ] ||
        die "this is a $(uname -m), and the bundle is for $machine" "make bundle TARGET=$(uname -m)"
    wheels=${wheels:-$tree/wheels}
    for archive in "$tree"/python/*.tar.*; do
        [ -n "$python" ] || [ ! -f "$archive" ] || interpreter=$archive
    done
}

look_around() {
    [ -n "$root" ] || [ "$(id -u)" = 0 ] || die 'this changes the system and needs root' 'sudo systemd/install.sh'
    command -v systemd-sysusers >/dev/null || die 'systemd-sysusers is missing' 'apt-get install systemd'
    [ -z "$wheel" ] || [ -f "$wheel" ] || die "there is no file $wheel" 'name a station_agent-*.whl'
    [ -z "$wheels" ] || [ -d "$wheels" ] || die "there is no directory $wheels" \
        'pip download --require-hashes --no-deps -r requirements-runtime.lock -d wheels'
    [ ! -e "$program/bin" ] || [ -L "$program/bin" ] || die "$program holds something else" 'choose another --prefix'
    [ "$task" != install ] || [ ! -e "$root/usr/lib/station-agent" ] ||
        die 'the Debian package of station-agent is installed' 'sudo apt-get remove station-agent, which keeps configuration and readings'
    [ "$task" != install ] || [ -f "$tree/requirements-runtime.lock" ] ||
        die "there is no release beside $0" 'sudo systemd/install.sh of a bundle or of the source tree'
}

# A virtual machine image or a chroot has no running systemd, and --root must not touch the one here.
booted() { [ -z "$root" ] && [ -d /run/systemd/system ]; }
running() { booted && systemctl is-active --quiet station-agent; }

unfit() { # PYTHON: prints why it cannot be used, nothing when it can
    "$1" - "$root" "$wanted" <<'PYTHON' 2>&1 | tail -n 1
import importlib.util, sys
version = "%d.%d" % sys.version_info[:2]
if sys.version_info < (3, 11):
    sys.exit(f"it is Python {version}")
if sys.argv[2] not in ("", version):
    sys.exit(f"it is Python {version}, and the packages of the bundle are for {sys.argv[2]}")
if importlib.util.find_spec("ensurepip") is None:
    sys.exit("it cannot make virtual environments (Debian: apt-get install python3-venv)")
if not sys.argv[1] and sys.base_prefix.startswith(("/root/", "/home/", "/run/user/")):
    sys.exit("it lies in a home directory, which the service cannot see")
PYTHON
}

find_python() {
    [ -z "$interpreter" ] || return 0
    why=''
    for candidate in ${python:-python3 /usr/bin/python3 python3.13 python3.12 python3.11}; do
        found=$(command -v "$candidate") || continue
        reason=$(unfit "$found")
        if [ -z "$reason" ]; then
            python=$found
            return
        fi
        why="$why; $found: $reason"
    done
    die "no fit Python ${wanted:-3.11 or newer} was found${why}" 'apt-get install python3 python3-venv, or name one with --python'
}

# There are two releases, a and b; bin points into the one that is in use.
used_slot() { readlink "$program/bin" 2>/dev/null | cut -d/ -f1; }
free_slot() { if [ "$(used_slot)" = a ]; then echo b; else echo a; fi; }

version_of() { # SLOT
    for info in "$program/$1"/lib/python*/site-packages/station_agent-*.dist-info; do
        info=${info##*/station_agent-}
        echo "${info%.dist-info}"
    done
}

# The station's word, and what of a release lies outside of its slot: what a roll-back has to bring back.
remembered='etc/station-agent/station.toml etc/station-agent/profiles
    usr/local/lib/systemd/system/station-agent.service usr/local/lib/modules-load.d/station-agent.conf
    usr/local/lib/sysusers.d/station-agent.conf'

remember() { # SLOT: how things stand while it is in use
    rm -rf "$program/$1/kept" "$program/$1/kept.part"
    mkdir "$program/$1/kept.part"
    for file in $remembered; do
        [ ! -e "$root/$file" ] || (cd "$root/" && cp -a --parents "$file" "$program/$1/kept.part/")
    done
    sync
    mv "$program/$1/kept.part" "$program/$1/kept"
}

recall() { # SLOT: each file in one step; what a power cut leaves, the next try finishes
    for file in $remembered; do
        [ -e "$program/$1/kept/$file" ] || continue
        rm -rf "$root/$file.part"
        cp -a "$program/$1/kept/$file" "$root/$file.part"
        [ ! -d "$root/$file" ] || rm -rf "$root/${file:?}" # a folder cannot be replaced by mv
        mv -T "$root/$file.part" "$root/$file"
    done
    sync
}

pip_install() { # ENVIRONMENT ARGUMENTS...
    environment=$1
    shift
    set -- -q --no-cache-dir --only-binary=:all: "$@"
    [ -z "$wheels" ] || set -- --no-index --find-links "$wheels" "$@"
    "$environment/bin/python" -m pip install "$@" ||
        die 'a package cannot be had (above); nothing was changed' 'mend the network, or bring the packages along: --wheels DIR'
}

find_wheel() {
    [ -z "$wheel" ] || return 0
    for candidate in ${wheels:+"$wheels"/station_agent-*.whl} "$tree"/dist/station_agent-*.whl; do
        [ ! -f "$candidate" ] || wheel=$candidate
    done
}

build_wheel() { # out of the source tree, with the build tools that requirements-build.lock pins
    scratch=$(mktemp -d)
    "$python" -m venv "$scratch/tools"
    pip_install "$scratch/tools" --require-hashes -r "$tree/requirements-build.lock"
    "$scratch/tools/bin/python" -m pip wheel -q --no-deps --no-index --no-build-isolation -w "$scratch" "$tree" ||
        die "$tree does not build (above); nothing was changed" 'install a released build: --wheel FILE'
    wheel=$(echo "$scratch"/station_agent-*.whl)
}

unpack_interpreter() { # a "python/" as python-build-standalone packs it; it goes and comes with its release
    tar -C "$fresh_slot" -xf "$interpreter" --no-same-owner
    python=$fresh_slot/python/bin/python3
    [ -x "$python" ] || die "${interpreter##*/} holds no python/bin/python3" 'make bundle INTERPRETER=cpython-…-install_only.tar.gz'
    reason=$(unfit "$python")
    [ -z "$reason" ] || die "the Python of the bundle does not do: $reason" 'bring another with make bundle INTERPRETER=FILE'
}

build_release() {
    fresh_slot=$program/$slot
    rm -rf "$fresh_slot"
    mkdir -p "$fresh_slot"
    [ -z "$interpreter" ] || unpack_interpreter
    say "building a release in $fresh_slot with $("$python" --version); this takes a minute or two"
    "$python" -m venv "$fresh_slot"
    pip_install "$fresh_slot" --require-hashes -r "$tree/requirements-runtime.lock"
    pip_install "$fresh_slot" --no-deps "$wheel"
    { "$fresh_slot/bin/python" -m pip check --quiet && starts "$slot"; } ||
        die "the new release does not run (above); nothing was changed" "--python PATH, or another --wheel"
    made_of >"$fresh_slot/made_of"
    # A power cut after the switch must not find a release that was only in the page cache.
    sync
}

made_of() { cat "$wheel" "$tree/requirements-runtime.lock" ${interpreter:+"$interpreter"} | sha256sum; }

starts() { "$program/$1/bin/python" -I "$program/$1/bin/station-agent" --help >/dev/null; } # SLOT

is_in_use() { # whether the release that runs is this one, and does run
    [ "$(made_of)" = "$(cat "$program/$slot_before/made_of" 2>/dev/null)" ] || return 1
    starts "$slot_before" 2>/dev/null
}

move_in() { # from below --root to where it will run
    for link in "$fresh_slot"/bin/python*; do
        case $(readlink "$link") in "$root"/*) ln -sfn "$(readlink "$link" | cut -c$((${#root} + 1))-)" "$link" ;; esac
    done
    sed -i "s|$root/|/|g" "$fresh_slot/bin/station-agent" "$fresh_slot/pyvenv.cfg"
}

discard() { # at exit: what was not switched to is of no use
    [ -z "${scratch:-}" ] || rm -rf "$scratch"
    [ -z "$fresh_slot" ] || [ "$(readlink "$program/bin" 2>/dev/null)" = "$slot/bin" ] || rm -rf "$fresh_slot"
}

put() { # SOURCE TARGET: a file of ours, replaced by every version
    install -D -m 644 "$1" "$2"
}

keep() { # SOURCE TARGET: a file of the station, never replaced
    if [ ! -e "$2" ]; then
        put "$1" "$2"
        say "new: $2"
    elif cmp -s "$1" "$2"; then
        rm -f "$2.new"
    else
        put "$1" "$2.new"
        say "kept: $2 (the one of this version lies beside it, as ${2##*/}.new)"
    fi
}

make_accounts() {
    mkdir -p "$root/etc"
    put "$tree/systemd/station-agent.sysusers" "$vendor/sysusers.d/station-agent.conf"
    systemd-sysusers ${root:+--root="$root"} - <"$tree/systemd/station-agent.sysusers"
}

place_configuration() {
    readers=$(awk -F: '$1 == "station-agent" { print $3 }' "$root/etc/group")
    mkdir -p "$config/profiles" "$config/secrets"
    put "$tree/config/station.toml" "$station.example"
    keep "$tree/systemd/99-station-agent.rules" "$udev_rules"
    # Who builds an image without being root gets the owners right when the image is made.
    [ "$(id -u)" != 0 ] || chgrp "$readers" "$config" "$config/profiles" "$station"*
    # What root puts there is of the folder's group: a copy of the example is readable for the daemon.
    chmod 2750 "$config" "$config/profiles"
    chmod 700 "$config/secrets"
    chmod 640 "$station"*
}

place_help() { # the manual page, and what completes commands in a shell, as this release itself tells them
    share=$root/usr/local/share
    for help in man:man/man1/station-agent.1 bash:bash-completion/completions/station-agent; do
        mkdir -p "$share/$(dirname "${help#*:}")"
        as_service "$fresh_slot/bin/station-agent" --lang en completion "${help%%:*}" >"$share/${help#*:}"
    done
}

place_installer() { # for --rollback and --uninstall, when the bundle is no longer at hand
    install -m 755 "$here/install.sh" "$program/install.sh.part"
    mv "$program/install.sh.part" "$program/install.sh"
    put "$here/zh.sed" "$program/zh.sed"
}

place_unit() {
    put "$tree/systemd/station-agent.modules-load.conf" "$vendor/modules-load.d/station-agent.conf"
    put "$tree/systemd/station-agent.service" "$vendor/systemd/system/station-agent.service"
    sed -i "s|/opt/station-agent/|$prefix/|" "$vendor/systemd/system/station-agent.service"
    mkdir -p "${command%/*}"
    ln -sfn "$prefix/bin/station-agent" "$command"
}

as_service() { # ARGUMENTS of the release's Python, run by the user of the service
    set -- "$fresh_slot/bin/python" -I "$@" # and nothing of the folder that the installer was called in
    if [ -n "$root" ]; then "$@"; else runuser -u station-agent -- "$@"; fi
}

insist_that_it_runs() { # every package of it, for a user who is no root
    as_service -c 'import agent.daemon' ||
        die "station-agent $(version_of "$slot") does not run for the user station-agent (above); nothing was changed" \
            '--python PATH, one that every user can read'
}

check_configuration() { # 0 good, 1 wants attention, 2 wrong; as the service sees it
    verdict=0
    [ -f "$station" ] || return 0
    found=$(as_service "$fresh_slot/bin/station-agent" ${lang:+--lang "$lang"} --config "$station" check 2>&1) || verdict=$?
    if [ "$verdict" = 0 ]; then
        say "${station#"$root"} passes the check of station-agent $(version_of "$slot")"
    else
        printf '%s\n' "$found"
    fi
}

switch_to() { # SLOT: in one step, so that there is always a program to start
    ln -sfn "$1/bin" "$program/bin.new"
    mv -T "$program/bin.new" "$program/bin"
}

wake_system() {
    systemctl daemon-reload
    udevadm control --reload 2>/dev/null || say 'udev does not run here: its rules count from the next boot'
    absent=''
    while read -r module; do
        case $module in '#'*) continue ;; esac
        modprobe -q "$module" 2>/dev/null || absent="$absent $module"
    done <"$tree/systemd/station-agent.modules-load.conf"
    [ -z "$absent" ] || say "not in this kernel, so such serial adapters cannot work:$absent"
}

restart() { # the running service, onto the other release; back onto that of before when it does not start
    systemctl restart station-agent && return
    recall "$slot_before"
    switch_to "$slot_before"
    systemctl daemon-reload
    systemctl restart --no-block station-agent
    die "station-agent $(version_of "$slot") did not start, $(version_of "$slot_before") runs again" 'journalctl -u station-agent -n 50'
}

prepare_release() {
    find_wheel
    [ -n "$wheel" ] || build_wheel
    if ! is_in_use; then
        build_release
        return
    fi
    say "station-agent $(version_of "$slot_before") is installed already"
    slot=$slot_before
    fresh_slot=$program/$slot
}

install_agent() {
    look_around
    open_bundle
    find_python
    slot_before=$(used_slot)
    slot=$(free_slot)
    trap discard EXIT
    trap 'exit 1' HUP INT TERM
    prepare_release
    [ -z "$slot_before" ] || [ "$slot" = "$slot_before" ] || remember "$slot_before"
    make_accounts
    insist_that_it_runs
    place_configuration
    check_configuration
    if [ "$verdict" -gt 1 ] && running; then
        die "the new release refuses ${station#"$root"} (above); the old one runs on" 'correct it, then run this again'
    fi
    place_help
    [ -z "$root" ] || move_in
    place_unit
    place_installer
    switch_to "$slot"
    ! booted || wake_system
    say "installed: station-agent $(version_of "$slot") in $program/$slot"
    set_going
}

set_going() {
    if running && [ "$slot" = "$slot_before" ]; then
        say 'it runs on'
    elif running; then
        restart
        say "restarted; the way back: sudo $prefix/install.sh --rollback"
    elif [ -z "$start" ]; then
        next_steps
    elif [ ! -f "$station" ]; then
        die "not started: there is no ${station#"$root"} yet" 'sudo station-agent init, then run this again'
    elif [ "$verdict" -gt 1 ]; then
        die "not started: ${station#"$root"} does not pass (above)" 'correct it, then run this again'
    elif ! booted; then
        systemctl ${root:+--root="$root"} enable -q station-agent
        say 'enabled: it starts with the next boot'
    else
        systemctl enable -q --now station-agent || die 'the service does not start' 'journalctl -u station-agent -n 50'
        say 'started: station-agent status'
    fi
}

next_steps() {
    if [ ! -f "$station" ]; then
        say "next: sudo station-agent init      it asks a few questions and writes ${station#"$root"}"
        say '      (or copy station.toml.example, which lies there, and edit the copy)'
    fi
    say 'next: sudo station-agent check && sudo systemctl enable --now station-agent'
}

put_aside() { # what was edited since the upgrade, should anybody miss it
    aside=$config/before-rollback
    [ -f "$station" ] || return 0
    if ! (cd "$program/$slot/kept/etc/station-agent" && diff -rq station.toml "$station" &&
        diff -rq profiles "$config/profiles") >/dev/null 2>&1; then
        rm -rf "$aside"
        mkdir -m 700 "$aside"
        cp -a "$station" "$config/profiles" "$aside/"
        say "kept: the configuration of $(version_of "$slot_before"), in ${aside#"$root"}"
    fi
}

roll_back() {
    look_around
    slot_before=$(used_slot)
    slot=$(free_slot)
    fresh_slot=$program/$slot
    [ -d "$fresh_slot/kept" ] || die 'there is no former release to go back to' 'run install.sh of the version that you want'
    insist_that_it_runs
    put_aside
    remember "$slot_before"
    recall "$slot"
    check_configuration
    if [ "$verdict" -gt 1 ] && running; then
        recall "$slot_before"
        die "station-agent $(version_of "$slot") refuses the configuration that it had (above); nothing was changed" \
            'run install.sh of the version that you want'
    fi
    switch_to "$slot"
    ! booted || systemctl daemon-reload
    ! running || restart
    say "back: station-agent $(version_of "$slot") in $program/$slot, with the configuration that it had"
}

uninstall_agent() {
    look_around
    ! booted || systemctl disable -q --now station-agent 2>/dev/null || true
    rm -rf "$program/a" "$program/b"
    rm -f "$program/bin" "$program/install.sh" "$program/zh.sed" "$vendor/systemd/system/station-agent.service" \
        "$vendor/modules-load.d/station-agent.conf" "$vendor/sysusers.d/station-agent.conf"
    [ "$(readlink "$command")" != "$prefix/bin/station-agent" ] || rm -f "$command"
    rm -f "$root/usr/local/share/man/man1/station-agent.1" "$root/usr/local/share/bash-completion/completions/station-agent"
    rmdir "$program" 2>/dev/null || true
    ! booted || systemctl daemon-reload
    say "removed; kept: ${config#"$root"}, ${udev_rules#"$root"}, /var/lib/station-agent, user and groups"
}

read_options "$@"
case $task in
    install) install_agent ;;
    rollback) roll_back ;;
    uninstall) uninstall_agent ;;
esac
