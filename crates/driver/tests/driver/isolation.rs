//! What an instance can reach: its account's instances and the outside; not the host, not others, not the host's ids.

use std::net::{IpAddr, Ipv4Addr, TcpListener};

use porthole_driver::Driver;

use crate::support::{Container, GRACE, run, spec, until};

/// Tries to open a TCP connection from inside; says "open" or what went wrong.
pub(crate) fn connect(container: &Container, from: &str, to: impl Into<IpAddr>, port: u16) -> String {
    let to = to.into();
    let script = format!(
        "import socket\ntry:\n socket.create_connection(('{to}', {port}), 1.5); print('open')\nexcept OSError as e:\n print(e)"
    );
    container.inside_ok(from, &format!("python3 -c \"{script}\""))
}

/// Listens on a port inside, in the background, until the instance ends.
pub(crate) async fn listen(container: &Container, id: &str, port: u16) {
    let script = format!(
        "import socket\ns = socket.create_server(('::', {port}), family=socket.AF_INET6, dualstack_ipv6=True)\n\
         while True: s.accept()"
    );
    container.inside_ok(id, &format!("setsid python3 -c \"{script}\" >/dev/null 2>&1 &"));
    until("the port is open", || connect(container, id, Ipv4Addr::LOCALHOST, port) == "open").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_are_apart_and_mates_are_not() {
    let container = Container::new("good");
    let driver = container.open().await;
    for spec in [spec("a1", "a", 2), spec("a2", "a", 3), spec("b1", "b", 4)] {
        driver.create(&spec).await.unwrap();
        driver.start(&spec).await.unwrap();
    }
    let [a2, b1] = [3, 4].map(|index| driver.address(index));
    listen(&container, "a2", 7000).await;
    listen(&container, "b1", 7000).await;
    assert_eq!(connect(&container, "a1", a2, 7000), "open");
    assert_eq!(connect(&container, "a1", b1, 7000), "timed out");
    assert_eq!(connect(&container, "b1", a2, 7000), "timed out");
    container.inside_ok("a1", &format!("ping -c1 -W2 {a2}"));
    assert_ne!(container.inside("a1", &format!("ping -c1 -W1 {b1}")).0, 0);
    driver.stop("a2", GRACE).await.unwrap();
    assert_ne!(connect(&container, "a1", a2, 7000), "open");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_hosts_own_services_are_out_of_reach() {
    let container = Container::new("good");
    let driver = container.open().await;
    let one = spec("one", "a", 2);
    driver.create(&one).await.unwrap();
    driver.start(&one).await.unwrap();
    let service = TcpListener::bind("0.0.0.0:0").unwrap();
    let port = service.local_addr().unwrap().port();
    let output = run("ip", &["-j", "-4", "address"]);
    let links: Vec<serde_json::Value> = serde_json::from_slice(&output.stdout).unwrap();
    // Bridges of servers under test beside this one come and go.
    let lasting = links.iter().filter(|link| !link["ifname"].as_str().unwrap().starts_with("ph-"));
    let all = lasting.flat_map(|link| link["addr_info"].as_array().unwrap());
    let mut addresses: Vec<Ipv4Addr> = all.map(|one| one["local"].as_str().unwrap().parse().unwrap()).collect();
    addresses.retain(|address| !address.is_loopback() && !address.to_string().starts_with("198.51.100."));
    addresses.push(driver.address(1));
    for address in addresses {
        assert_eq!(connect(&container, "one", address, port), "timed out", "{address}");
    }
    assert_ne!(container.inside("one", &format!("ping -c1 -W1 {}", driver.address(1))).0, 0);
    // Of the link-local addresses an instance has its own metadata service's; this one's agent serves none.
    assert_eq!(connect(&container, "one", Ipv4Addr::new(169, 254, 169, 254), 80), "[Errno 111] Connection refused");
    assert_eq!(connect(&container, "one", Ipv4Addr::new(169, 254, 169, 253), 80), "timed out");
    // The other direction is open where a port rule says so.
    listen(&container, "one", 8443).await;
    std::net::TcpStream::connect((driver.address(2), 8443)).unwrap();
}

/// Sends frames from inside with chosen identities; each payload is a marker.
const FORGER: &str = r#"
import socket, struct, sys
dst_mac, src_mac, src_ip, dst_ip, marker = sys.argv[1:6]
def mac(t): return bytes(int(x, 16) for x in t.split(":"))
def total(d):
    s = sum(struct.unpack(">%dH" % (len(d) // 2), d))
    while s >> 16: s = (s & 0xffff) + (s >> 16)
    return ~s & 0xffff
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(("eth0", 0))
body = marker.encode()
udp = struct.pack(">HHHH", 9, 7001, 8 + len(body), 0) + body
head = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 1, 0, 64, 17, 0, socket.inet_aton(src_ip), socket.inet_aton(dst_ip))
head = head[:10] + struct.pack(">H", total(head)) + head[12:]
s.send(mac(dst_mac) + mac(src_mac) + b"\x08\x00" + head + udp)
arp = struct.pack(">HHBBH6s4s6s4s", 1, 0x800, 6, 4, 2, mac(src_mac), socket.inet_aton(src_ip), mac(dst_mac), socket.inet_aton(sys.argv[6]))
s.send(mac(dst_mac) + mac(src_mac) + b"\x08\x06" + arp)
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_false_identity_is_dropped() {
    let container = Container::new("good");
    let driver = container.open().await;
    for spec in [spec("forger", "a", 2), spec("victim", "a", 3)] {
        driver.create(&spec).await.unwrap();
        driver.start(&spec).await.unwrap();
    }
    let [gateway, own, victim, absent] = [1, 2, 3, 9].map(|index| driver.address(index));
    let mac = |address: Ipv4Addr| {
        let [a, b, c, d] = address.octets();
        format!("02:70:{a:02x}:{b:02x}:{c:02x}:{d:02x}")
    };
    // The victim notes what reaches it.
    let receiver = "import socket\ns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\ns.bind(('0.0.0.0', 7001))\n\
                    f = open('/tmp/heard', 'ab', 0)\nwhile True: f.write(s.recv(100) + b' ')";
    container.inside_ok("victim", &format!("setsid python3 -c \"{receiver}\" >/dev/null 2>&1 &"));
    until("the receiver listens", || container.inside("victim", "grep -q 1B59 /proc/net/udp").0 == 0).await;
    let heard = || container.inside_ok("victim", "cat /tmp/heard");
    let send = |src_mac: &str, src_ip: Ipv4Addr, marker: &str| {
        let to = mac(gateway);
        let call = format!("{to} {src_mac} {src_ip} {victim} {marker} {gateway}");
        container.inside_ok("forger", &format!("python3 - {call} <<'END'\n{FORGER}\nEND"));
    };
    send(&mac(own), own, "honest");
    until("the honest frame arrives", || heard().contains("honest")).await;
    send(&mac(own), absent, "false-address");
    send(&mac(own), victim, "victims-address");
    send(&mac(absent), own, "false-mac");
    send(&mac(victim), victim, "victims-identity");
    send(&mac(own), own, "last");
    until("the last honest frame arrives", || heard().contains("last")).await;
    assert_eq!(heard().trim(), "honest last");
    // The host still knows the victim by its own address.
    let neighbours = String::from_utf8(run("ip", &["neighbour", "show", &victim.to_string()]).stdout).unwrap();
    assert!(!neighbours.contains(&mac(own)) && !neighbours.contains(&mac(absent)), "{neighbours}");
    container.inside_ok("victim", &format!("ping -c1 -W2 {own}"));
}

/// A stretch of network outside of the host, with one machine on it.
pub(crate) struct Outside {
    pub(crate) namespace: String,
    pub(crate) link: String,
    /// Tests share the host's addresses and routes: one has this stretch at a time.
    _turn: std::fs::File,
}

impl Outside {
    pub(crate) const HOST: &str = "198.51.100.1";
    pub(crate) const FAR: &str = "198.51.100.2";

    pub(crate) fn new() -> Self {
        let namespace = format!("pt{}", std::process::id());
        let link = format!("pto{}", std::process::id());
        let turn = std::fs::File::create(concat!(env!("CARGO_TARGET_TMPDIR"), "/outside.lock")).unwrap();
        turn.lock().unwrap();
        let outside = Self { namespace: namespace.clone(), link: link.clone(), _turn: turn };
        for command in [
            format!("netns add {namespace}"),
            format!("link add {link} type veth peer name far netns {namespace}"),
            format!("address add {}/30 dev {link}", Self::HOST),
            format!("link set {link} up"),
            format!("-n {namespace} address add {}/30 dev far", Self::FAR),
            format!("-n {namespace} link set far up"),
        ] {
            let output = run("ip", &command.split(' ').collect::<Vec<_>>());
            assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
        }
        outside
    }
}

impl Drop for Outside {
    fn drop(&mut self) {
        // Without it the namespace takes its end of the link along only some time later.
        run("ip", &["link", "del", &self.link]);
        run("ip", &["netns", "del", &self.namespace]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_outside_is_reached_through_the_hosts_address() {
    let container = Container::new("good");
    let outside = Outside::new();
    let driver = container.open().await;
    let one = spec("one", "a", 2);
    driver.create(&one).await.unwrap();
    driver.start(&one).await.unwrap();
    // The far machine answers with the address it was called from, and could never answer an instance's own.
    let server = "import socket\ns = socket.create_server(('0.0.0.0', 7002))\nprint('up', flush=True)\n\
                  while True:\n c, a = s.accept(); c.sendall(a[0].encode()); c.close()";
    let mut far = std::process::Command::new("ip")
        .args(["netns", "exec", &outside.namespace, "python3", "-c", server])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(far.stdout.as_mut().unwrap()), &mut line).unwrap();
    let call = format!(
        "python3 -c \"import socket; print(socket.create_connection(('{}', 7002), 5).recv(99).decode())\"",
        Outside::FAR
    );
    let seen = container.inside_ok("one", &call);
    container.inside_ok("one", &format!("ping -c1 -W2 {}", Outside::FAR));
    // Nobody outside gets in.
    let route = ["-n", &outside.namespace, "route", "add", "default", "via", Outside::HOST];
    assert!(run("ip", &route).status.success());
    let target = driver.address(2).to_string();
    let inward = run("ip", &["netns", "exec", &outside.namespace, "ping", "-c1", "-W1", &target]);
    far.kill().unwrap();
    far.wait().unwrap();
    assert_eq!(seen, Outside::HOST);
    assert!(!inward.status.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn root_inside_is_an_ordinary_user_outside() {
    let container = Container::new("good");
    let driver = container.open().await;
    let one = spec("one", "a", 2);
    driver.create(&one).await.unwrap();
    driver.start(&one).await.unwrap();
    let status = std::fs::read_to_string(format!("/proc/{}/status", container.init("one"))).unwrap();
    let base = 65_536 * (2 + 16);
    assert!(status.contains(&format!("Uid:\t{base}\t{base}")), "{status}");
    assert!(status.contains("Seccomp:\t2") && status.contains("NoNewPrivs:\t0"), "{status}");
    // sudo, and files of the image and of the disk belong to whom they should.
    container.inside_ok("one", "useradd -u 1000 -m person && echo 'person ALL=(ALL) NOPASSWD:ALL' > /etc/sudoers.d/p");
    assert_eq!(container.inside_ok("one", "su person -c 'sudo id -u'"), "0");
    assert_eq!(
        container.inside_ok("one", "stat -c %u:%g /usr/bin/sudo /etc/sudoers.d/p /home/person"),
        "0:0\n0:0\n1000:1000"
    );
    assert_eq!(container.inside_ok("one", "hostname"), "host-one");
    container.inside_ok("one", "grep -q . /etc/resolv.conf && grep -q host-one /etc/hosts");
    // What stays with the host's own root.
    for refused in [
        "mount -t tmpfs none /mnt",
        "mknod /tmp/x b 7 0",
        "echo 1 > /proc/sys/kernel/panic",
        "dmesg",
        "echo b > /proc/sysrq-trigger",
        "cat /proc/1/root/proc/kcore > /dev/null",
    ] {
        assert_ne!(container.inside("one", refused).0, 0, "{refused}");
    }
    let calls = "import ctypes, errno, socket\nlibc = ctypes.CDLL(None, use_errno=True)\n\
                 for number in (425, 323, 246, 321): libc.syscall(number, 0, 0, 0, 0); print(errno.errorcode[ctypes.get_errno()])\n\
                 try: socket.socket(40, socket.SOCK_STREAM)\nexcept OSError as e: print(errno.errorcode[e.errno])";
    if cfg!(target_arch = "x86_64") {
        let said = container.inside_ok("one", &format!("python3 - <<'END'\n{calls}\nEND"));
        assert_eq!(said, "ENOSYS\nENOSYS\nEPERM\nEPERM\nENOSYS");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sandboxes_of_desktop_programs_work_inside() {
    let container = Container::new("good");
    let driver = container.open().await;
    let one = spec("one", "a", 2);
    driver.create(&one).await.unwrap();
    driver.start(&one).await.unwrap();
    container.inside_ok("one", "useradd -u 1000 -m person");
    let sandbox = "bwrap --unshare-all --die-with-parent --ro-bind / / --dev /dev --proc /proc --tmpfs /tmp true";
    container.inside_ok("one", &format!("su person -c '{sandbox}'"));
    container.inside_ok("one", "su person -c 'unshare --user --map-root-user --net --pid --fork true'");
    container.inside_ok("one", "su person -c 'ping -c1 127.0.0.1'");
}
