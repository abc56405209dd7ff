# The Chinese of install.sh and of the scripts of the Debian package: each rule is one of their sentences.

s/^\( *\)next: /\1下一步：/

# options
s/^usage: /用法：/
s/--wheel FILE/--wheel 文件/
s/--python PATH/--python 路径/
s/^  \(--[a-z]*\) DIR  /  \1 目录 /
s/\(--[a-z]*\) DIR/\1 目录/g
s/also enable and start the service, once its configuration passes/配置通过检查后，启用并启动服务/
s/install this build (default: a \(station_agent-\*\.whl\) in DIR or dist\/, else the source tree)/安装此构建（默认：目录或 dist\/ 中的 \1，否则为源码）/
s/take every package from DIR and nothing from the network (default: those of the bundle)/所有软件包取自该目录，不用网络（默认：安装包自带的）/
s/the Python to use (default: that of the bundle, else the newest fit one of this machine)/所用的 Python（默认：安装包自带的，否则为本机合适的最新版本）/
s/where the program goes (default: \(.*\))/程序的安装位置（默认：\1）/
s/install for a machine whose root file system lies in DIR; no service is touched/为根文件系统位于该目录的机器安装；不触及任何服务/
s/back to the release before, and to the configuration that it had/退回上一版本及其当时的配置/
s/remove the program; configuration, udev rules, data, user and groups stay/删除程序；配置、udev 规则、数据、用户和组保留/
s/the language to speak (default: that of the locale)/所用语言（默认：按系统语言设置）/

# calls
s/unknown option \(.*\)/未知选项 \1/
s/\([^ ]*\) needs a value/\1 需要一个值/
s/--lang \(.*\) is neither en nor zh/--lang \1 既不是 en 也不是 zh/
s/--prefix \(.*\) is not an absolute path/--prefix \1 不是绝对路径/
s/this changes the system and needs root/安装会改变系统，需要 root 权限/
s/there is no file \(.*\)/没有文件 \1/
s/name a \(station_agent-\*\.whl\)/请指定一个 \1/
s/there is no directory \(.*\)/没有目录 \1/
s/there is no release beside \(.*\)/\1 旁边没有可安装的版本/
s/sudo systemd\/install\.sh of a bundle or of the source tree/运行安装包或源码中的 sudo systemd\/install.sh/
s/\(.*\) holds something else/\1 中已有其他内容/
s/choose another --prefix/请用 --prefix 另选位置/
s/the Debian package of station-agent is installed/已安装 station-agent 的 Debian 软件包/
s/sudo apt-get remove station-agent, which keeps configuration and readings/sudo apt-get remove station-agent（配置和数据会保留）/
s/systemd-sysusers is missing/缺少 systemd-sysusers/

# bundle and Python
s/the bundle is damaged (above); nothing was changed/安装包已损坏（见上）；未作任何更改/
s/copy it again, and compare its sha256 with that of the original/请重新复制，并与原件核对 sha256/
s/this is a \(.*\), and the bundle is for \(.*\)/本机为 \1，而安装包适用于 \2/
s/no fit Python \(.*\) was found/没有找到合适的 Python（\1）/
s/3\.11 or newer/3.11 或更新版本/
s/it is Python \([0-9.]*\), and the packages of the bundle are for \([0-9.]*\)/为 Python \1，而安装包中的软件包适用于 \2/g
s/it is Python \([0-9.]*\)/为 Python \1/g
s/it cannot make virtual environments (Debian: apt-get install python3-venv)/不能创建虚拟环境（Debian：apt-get install python3-venv）/g
s/it lies in a home directory, which the service cannot see/位于用户主目录，服务看不到/g
s/, or name one with --python/，或用 --python 指定/
s/a package cannot be had (above); nothing was changed/缺少软件包（见上）；未作任何更改/
s/mend the network, or bring the packages along: --wheels.*/请修复网络，或自带软件包：--wheels 目录/
s/\(.*\) does not build (above); nothing was changed/\1 无法构建（见上）；未作任何更改/
s/install a released build: --wheel.*/请安装已发布的构建：--wheel 文件/
s/\([^ ]*\) holds no \(python\/bin\/python3\)/\1 中没有 \2/
s/the Python of the bundle does not do: /安装包自带的 Python 不可用：/
s/bring another with \(make bundle.*\)/请另带一个：\1/
s/building a release in \(.*\) with \(.*\); this takes a minute or two/正在 \1 中用 \2 安装程序，需一两分钟/
s/the new release does not run (above); nothing was changed/新版本不能运行（见上）；未作任何更改/
s/--python.*, or another --wheel/请换用 --python 路径或其他 --wheel/
s/station-agent \([^ ]*\) does not run for the user station-agent (above); nothing was changed/station-agent \1 不能以用户 station-agent 运行（见上）；未作任何更改/
s/--python.*, one that every user can read/请用 --python 指定一个所有用户都可读的 Python/

# what is where
s/^new: /新增：/
s/^kept: the configuration of \(.*\), in \(.*\)/保留：\1 的配置，在 \2 中/
s/^kept: \(.*\) (the one of this version lies beside it, as \(.*\))/保留：\1（本版本的在旁边，名为 \2）/
s/udev does not run here: its rules count from the next boot/此处未运行 udev：其规则下次启动后生效/
s/not in this kernel, so such serial adapters cannot work:/本机内核没有以下模块，相应的串口适配器不能工作：/
s/station-agent \([^ ]*\) is installed already/station-agent \1 已安装/
s/^installed: station-agent \([^ ]*\) in /已安装：station-agent \1，位于 /
s/^removed; kept: \(.*\), user and groups/已删除；保留：\1、用户和组/

# configuration and service
s/\(.*\) passes the check of \(station-agent .*\)/\1 通过 \2 的检查/
s/the new release refuses \(.*\) (above); the old one runs on/新版本不接受 \1（见上）；旧版本继续运行/
s/correct it, then run this again/请改正后重新运行/
s/not started: there is no \(.*\) yet/未启动：还没有 \1/
s/not started: \(.*\) does not pass (above)/未启动：\1 未通过检查（见上）/
s/sudo station-agent init, then run this again/先运行 sudo station-agent init，再重新运行本命令/
s/\(sudo station-agent init *\)it asks a few questions and writes \(.*\)/\1回答几个问题，即写出 \2/
s/(or copy \(.*\), which lies there, and edit the copy)/（或复制同目录的 \1 并修改）/
s/^it runs on$/服务继续运行/
s/^restarted; the way back: /已重新启动；如需退回：/
s/^enabled: it starts with the next boot/已启用：下次开机时启动/
s/the service does not start/服务未能启动/
s/^started: /已启动：/
s/station-agent \([^ ]*\) did not start, \([^ ]*\) runs again/station-agent \1 未能启动，已恢复运行 \2/

# the way back
s/there is no former release to go back to/没有可以退回的上一版本/
s/run install\.sh of the version that you want/请运行所需版本的 install.sh/
s/station-agent \([^ ]*\) refuses the configuration that it had (above); nothing was changed/station-agent \1 不接受它当时的配置（见上）；未作任何更改/
s/^back: station-agent \([^ ]*\) in \(.*\), with the configuration that it had/已退回：station-agent \1，位于 \2，配置为其当时的配置/

# the Debian package
s/another installation lies in \(.*\)/\1 中已有另一套安装/
s/remove it, which keeps configuration and readings: /请先删除它（配置和数据会保留）：/
s/\([^ ]*\) is that of \([^ ]*\) again; the other is in \(.*\)/\1 已恢复为 \2 的；另一份在 \3/
s/station-agent: \([^ ]*\) refuses \([^ ]*\) (above); it runs on the last good one/station-agent：\1 不接受 \2（见上）；按最后一份有效配置继续运行/
s/correct it, then: /请改正，然后：/
s/station-agent: \([^ ]*\) does not start: /station-agent：\1 未能启动：/
s/install the package of the version before, with: dpkg -i FILE/请安装上一版本的软件包：dpkg -i 文件/
s/kept: \(.*\); when nobody needs it any more: /保留：\1；不再需要时：/
