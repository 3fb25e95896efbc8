"""What one IPv4 packet may travel in: name -> link type (as capture files number
them) and the packet with all that stands around it."""
import struct

TCP, UDP, ICMP = 6, 17, 1
MACS = bytes(6) + b"\2" + bytes(5)
IPV4 = b"\x08\0"
ETHERNET = MACS + IPV4
SNAP = b"\xaa\xaa\3\0\0\0" + IPV4
BRIDGED = b"\x80\xc2\0\7"
PPP = b"\xff\3\0\x21"
HDLC = b"\x0f\0" + IPV4
RELAY = b"\x18\x41\3\xcc"
LABEL = b"\0\1\1\x40"
SESSION = b"\x11\0\0\1"
WIFI = b"\x88\1" + bytes(24)
SWAPPED = b"\1\x88" + bytes(24)
JUNIPER = b"MGC\1"
PKTAP = struct.pack("<III", 108, 1, 1) + b"en0" + bytes(93)
RADIOTAP = b"\0\0\x08\0\0\0\0\0"


def short(number):
    return struct.pack("!H", number)


def outer(protocol, inner):
    return (struct.pack("!HHHHBBH", 0x4500, 20 + len(inner), 1, 0, 64,
                        protocol, 0) + b"\xc0\0\2\1\xc0\0\2\2" + inner)


def ip(protocol, *parts):
    return ETHERNET + outer(protocol, b"".join(parts))


def udp(port, *parts, src=40000):
    inner = b"".join(parts)
    return ip(UDP, struct.pack("!HHHH", src, port, 8 + len(inner), 0), inner)


def gre(*parts):
    return ip(47, *parts)


def six(packet):
    """The same over IPv6, behind a hop-by-hop header; a fragment stays one.
    Nothing for ICMP."""
    protocol = packet[9]
    if protocol == ICMP:
        return b""
    identity, where = struct.unpack_from("!HH", packet, 4)
    payload = packet[20:]
    if where & 0x3fff:
        payload = struct.pack("!BBHI", protocol, 0, (where & 0x1fff) << 3 |
                              where >> 13 & 1, identity) + payload
        protocol = 44
    payload = bytes([protocol, 0, 1, 4, 0, 0, 0, 0]) + payload
    net = bytes.fromhex("20010db8") + bytes(8)
    return (struct.pack("!IHBB", 0x60000000, len(payload), 0, 64) + net +
            packet[12:16] + net + packet[16:20] + payload)


def aggregate(*frames):
    """802.11's A-MSDU of SNAP frames."""
    parts = []
    for frame in frames:
        part = bytes(12) + short(len(frame) + 8) + SNAP + frame
        parts.append(part + bytes(-len(part) % 4))
    return WIFI[:24] + b"\x80\0" + b"".join(parts)


def sflow(packet, expanded=False):
    """A switch's sample of ARP, and one of this packet."""
    def sample(frame):
        record = struct.pack("!IIII", 1, len(frame) + 4, 4, len(frame)) + frame
        record += bytes(-len(record) % 4)
        record = struct.pack("!II", 1, len(record)) + record
        head = bytes(40 if expanded else 28) + struct.pack("!I", 1)
        return struct.pack("!II", 3 if expanded else 1,
                           len(head) + len(record)) + head + record
    arp = MACS + b"\x08\6" + bytes(46)
    return (struct.pack("!II", 5, 1) + bytes(16) + struct.pack("!I", 2) +
            sample(arp) + sample(ETHERNET + packet))


ARP = b"\0\1\x08\0\6\4\0\1" + bytes(20)


def lite(packet):
    """UDP as UDP-Lite, which has no length."""
    if packet[9] != UDP or struct.unpack_from("!H", packet, 6)[0] & 0x3fff:
        return packet
    return packet[:9] + b"\x88" + packet[10:24] + b"\0\0" + packet[26:]


def erf(kind, frame, extension=b""):
    return (bytes(8) + bytes([kind, 4]) + struct.pack(
        "!HHH", 16 + len(extension) + len(frame), 0, len(frame)) + extension +
        frame)


RADIO = b"\x41\xcc\x07\1\0" + b"\2" * 8 + b"\3" * 8  # 802.15.4, one network


def compressed(packet):
    """The packet over IPv6 with its headers as RFC 6282 has them: hop-by-hop,
    and UDP's when it is whole."""
    whole = six(packet)
    if not whole:
        return b""
    inner = whole[48:]
    udp_inside = whole[40] == UDP
    return (b"\x7e\0" + whole[8:40] +
            (b"\xe1" if udp_inside else b"\xe0" + whole[40:41]) + b"\6" +
            whole[42:48] +
            (b"\xf0" + inner[:4] + inner[6:] if udp_inside else inner))


def bluetooth(packet):
    """Ethernet without addresses over a channel of a Bluetooth connection."""
    frame = b"\2" + IPV4 + summed(packet)
    message = struct.pack("<HH", len(frame), 0x41) + frame
    return struct.pack("<HH", 0x2001, len(message)) + message


def summed(packet):
    """With the header's checksum, for those who look at it."""
    head = packet[:10] + b"\0\0" + packet[12:20]
    total = sum(struct.unpack("!10H", head))
    total = (total & 0xffff) + (total >> 16)
    total = (total & 0xffff) + (total >> 16)
    return head[:10] + struct.pack("!H", total ^ 0xffff) + packet[12:]


def tagged(*tags):
    """What Wireshark writes in front of an exported layer."""
    return b"".join(struct.pack("!HH", tag, len(value)) + value
                    for tag, value in tags) + bytes(4)


ETHER_WRAPS = {
    "IPv6": lambda p: MACS + b"\x86\xdd" + six(p),
    "VLAN": lambda p: MACS + b"\x81\0\0\7" + IPV4 + p,
    "QinQ": lambda p: MACS + b"\x88\xa8\0\7\x81\0\0\x08" + IPV4 + p,
    "LLC": lambda p: MACS + short(min(len(p) + 8, 1500)) + SNAP + p,
    "MPLS": lambda p: MACS + b"\x88\x47\0\1\0\x40" + LABEL + p,
    "wire": lambda p: MACS + b"\x88\x47" + LABEL + ETHERNET + p,
    "wire, word": lambda p: MACS + b"\x88\x47" + LABEL + bytes(4) + ETHERNET +
                            p,
    "wire, VLAN": lambda p: MACS + b"\x88\x47" + LABEL + MACS +
                            b"\x81\0\0\5" + IPV4 + p,
    "PPPoE": lambda p: MACS + b"\x88\x64" + SESSION + short(len(p) + 2) +
                       b"\0\x21" + p,
    "PPPoE, short": lambda p: MACS + b"\x88\x64" + SESSION +
                              short(len(p) + 1) + b"\x21" + p,
    "MACsec": lambda p: MACS + b"\x88\xe5\0\0\0\0\0\1" + IPV4 + p + bytes(16),
    "MACsec, channel": lambda p: MACS + b"\x88\xe5\x20\0\0\0\0\1" + bytes(8) +
                                 IPV4 + p + bytes(16),
    "FabricPath": lambda p: b"\2" + bytes(11) + b"\x89\3\0\x40" + ETHERNET + p,
    "TRILL": lambda p: MACS + b"\x22\xf3\0\x3f\0\1\0\2" + ETHERNET + p,
    "metadata": lambda p: MACS + b"\x89\x09\1\1\0\1\0\5" + IPV4 + p,
    "EDSA": lambda p: MACS + b"\xda\xda\0\0\x40\0\0\1" + IPV4 + p,
    "VNTag": lambda p: MACS + b"\x89\x26\0\0\0\1" + IPV4 + p,
    "E-tag": lambda p: MACS + b"\x89\x3f\0\0\0\1\0\0" + IPV4 + p,
    "HSR": lambda p: MACS + b"\x89\x2f\0\x40\0\1" + IPV4 + p,
    "redundancy tag": lambda p: MACS + b"\xf1\xc1\0\0\0\7" + IPV4 + p,
    "inter-switch link": lambda p: b"\1\0\x0c\0\0\0" + bytes(6) +
                         short(min(len(p) + 26, 1500)) +
                         b"\xaa\xaa\3\0\0\x0c\0\x0a\0\0\0\0" + ETHERNET + p,
    "Centrino": lambda p: MACS + b"\x24\x52" + WIFI + SNAP + p,
    "LWAPP, no IP": lambda p: MACS + b"\x88\xbb\0\0" + short(len(p) + 34) +
                    b"\0\0" + WIFI + SNAP + p,
    "backbone": lambda p: MACS + b"\x88\xe7\0\0\0\5" + ETHERNET + p,
    "jumbo LLC": lambda p: MACS + b"\x88\x70" + SNAP + p,
    "mesh": lambda p: MACS + b"\x43\5\x40\x0f\x32\0" + bytes(6) + ETHERNET + p,
}
IP_WRAPS = {
    "IP in IP": lambda p: ip(4, p),
    "IP within IP": lambda p: ip(94, p),
    "6in4": lambda p: ip(41, six(p)),
    "EtherIP": lambda p: ip(97, b"\x30\0", ETHERNET, p),
    "PIM": lambda p: ip(103, b"\x21", bytes(7), p),
    "L2TPv3": lambda p: ip(115, b"\0\0\0\7", ETHERNET, p),
    "L2TPv3, cookie": lambda p: ip(115, b"\0\0\0\7", bytes(8), ETHERNET, p),
    "UDP-Lite": lambda p: ETHERNET + lite(p),
    "MPLS in IP": lambda p: ip(137, LABEL, p),
    "GRE": lambda p: gre(b"\0\0\x08\0", p),
    "GRE, key": lambda p: gre(b"\x30\0\x08\0", bytes(8), p),
    "NVGRE": lambda p: gre(b"\x20\0\x65\x58\0\0\1\0", ETHERNET, p),
    "ERSPAN I": lambda p: gre(b"\0\0\x88\xbe", ETHERNET, p),
    "ERSPAN II": lambda p: gre(b"\x10\0\x88\xbe\0\0\0\1\x10\7", bytes(6),
                               ETHERNET, p),
    "ERSPAN III": lambda p: gre(b"\x10\0\x22\xeb\0\0\0\1\x20\7", bytes(10),
                                ETHERNET, p),
    "ERSPAN III, platform": lambda p: gre(
        b"\x10\0\x22\xeb\0\0\0\1\x20\7", bytes(9), b"\1", bytes(8),
        ETHERNET, p),
    "PPTP": lambda p: gre(b"\x30\1\x88\x0b", short(len(p) + 4), bytes(6), PPP,
                          p),
    "WCCP": lambda p: gre(b"\0\0\x88\x3e\0\0\0\0", p),
    "GRE, MPLS": lambda p: gre(b"\0\0\x88\x47", LABEL, p),
    "Ethernet in IP": lambda p: ip(143, ETHERNET, p),
    "GRE, Ethernet": lambda p: gre(b"\0\0\x64\0", ETHERNET, p),
    "GRE, frame relay": lambda p: gre(b"\0\0\x65\x59", RELAY, p),
    "GRE, 802.11": lambda p: gre(b"\0\0\x82\0", WIFI, SNAP, p),
}
UDP_WRAPS = {
    "VXLAN": lambda p: udp(4789, b"\x08\0\0\0\0\0\1\0", ETHERNET, p),
    "VXLAN-GPE": lambda p: udp(4790, b"\x0c\0\0\1\0\0\1\0", p),
    "VXLAN-GPE, NSH": lambda p: udp(
        4790, b"\x0c\0\0\4\0\0\1\0\x0f\xc6\1\1\0\0\1\xff", bytes(16), p),
    "Geneve": lambda p: udp(6081, b"\0\0\x65\x58\0\0\1\0", ETHERNET, p),
    "GTP": lambda p: udp(2152, b"\x30\xff", short(len(p)), b"\0\0\0\1", p),
    "GTP, numbered": lambda p: udp(2152, b"\x32\xff", short(len(p) + 4),
                                   b"\0\0\0\1\0\1\0\0", p),
    "GTP, old": lambda p: udp(3386, b"\x1e\xff", short(len(p)), bytes(16), p),
    "Teredo": lambda p: udp(3544, six(p)),
    "L2TP": lambda p: udp(1701, b"\0\2\0\1\0\2", PPP, p),
    "L2TP, short": lambda p: udp(1701, b"\0\2\0\1\0\2\x21", p),
    "L2TPv3 in UDP": lambda p: udp(1701, b"\0\3\0\0\0\0\0\7", ETHERNET, p),
    "LISP": lambda p: udp(4341, bytes(8), p),
    "GRE in UDP": lambda p: udp(4754, b"\0\0\x08\0", p),
    "MPLS in UDP": lambda p: udp(6635, LABEL, p),
    "AYIYA": lambda p: udp(5072, b"\x41\x52\x11\4", bytes(40), p),
    "TZSP": lambda p: udp(37008, b"\1\0\0\1\1", ETHERNET, p),
    "TZSP, 802.11": lambda p: udp(37008, b"\1\0\0\x12\1", WIFI, SNAP, p),
    "CAPWAP": lambda p: udp(5247, b"\0\x10\2\0\0\0\0\0", ETHERNET, p),
    "CAPWAP, 802.11": lambda p: udp(5247, b"\0\x10\3\0\0\0\0\0", SWAPPED, SNAP,
                                    p),
    "CAPWAP, back": lambda p: udp(40000, b"\0\x10\3\0\0\0\0\0", WIFI, SNAP, p,
                                  src=5247),
    "sFlow": lambda p: udp(6343, sflow(p)),
    "sFlow, expanded": lambda p: udp(6343, sflow(p, expanded=True)),
    "PEEKREMOTE": lambda p: udp(5000, b"\0\xff\xab\xcd\2\0\0\0\x37",
                                bytes(46), WIFI, SNAP, p),
    "PEEKREMOTE, old": lambda p: udp(5000, b"\x40\xa0" + bytes(18), WIFI, SNAP,
                                     p),
    "AMT": lambda p: udp(2268, b"\6\0", p),
    "Juniper mirror": lambda p: udp(30030, bytes(8), p),
    "LWAPP": lambda p: udp(12222, b"\0\0", short(len(p) + 34), b"\0\0", WIFI,
                           SNAP, p),
}
LINK_WRAPS = {
    "null": (0, lambda p: b"\2\0\0\0" + p),
    "loop": (108, lambda p: b"\0\0\0\2" + p),
    "raw": (101, lambda p: p),
    "raw IPv4": (228, lambda p: p),
    "raw IPv6": (229, six),
    "token ring": (6, lambda p: b"\x10\x40" + bytes(12) + SNAP + p),
    "FDDI": (10, lambda p: b"\x50" + bytes(12) + SNAP + p),
    "ARCNET": (7, lambda p: b"\0\0\xd4\0\0\1" + p),
    "ARCNET, Linux": (129, lambda p: bytes(4) + b"\xd4\0\0\1" + p),
    "FireWire": (138, lambda p: bytes(16) + IPV4 + p),
    "Fibre Channel": (122, lambda p: bytes(16) + SNAP + p),
    "InfiniBand": (242, lambda p: bytes(40) + IPV4 + b"\0\0" + p),
    "SLIP": (8, lambda p: bytes(16) + p),
    "PPP": (9, lambda p: PPP + p),
    "PPP, HDLC": (50, lambda p: PPP + p),
    "PPP, direction": (204, lambda p: b"\1" + PPP + p),
    "PPP, pppd": (166, lambda p: b"\1" + PPP + p),
    "PPP, Ethernet": (51, lambda p: SESSION + short(len(p) + 2) + b"\0\x21" +
                      p),
    "PPP, type": (9, lambda p: b"\xff\3" + IPV4 + p),
    "PPP, multilink": (9, lambda p: b"\xff\3\0\x3d\xc0\0\0\1\0\x21" + p),
    "PPP, multilink, short": (9, lambda p: b"\xff\3\0\x3d\xc0\1\0\x21" + p),
    "PPP, bridged": (9, lambda p: b"\xff\3\0\x31\0\1" + ETHERNET + p),
    "HDLC": (104, lambda p: HDLC + p),
    "HDLC, direction": (205, lambda p: b"\1" + HDLC + p),
    "frame relay": (107, lambda p: RELAY + p),
    "frame relay, SNAP": (107, lambda p: RELAY[:3] + b"\0\x80\0\0\0" + IPV4 +
                          p),
    "frame relay, bridged": (107, lambda p: RELAY[:3] + b"\0\x80\0" + BRIDGED +
                             ETHERNET + p),
    "frame relay, PPP": (107, lambda p: RELAY[:3] + b"\xcf\0\x21" + p),
    "frame relay, Cisco": (107, lambda p: RELAY[:2] + IPV4 + p),
    "frame relay, direction": (206, lambda p: b"\1" + RELAY + p),
    "ATM": (100, lambda p: SNAP + p),
    "ATM, bridged": (100, lambda p: SNAP[:4] + BRIDGED + b"\0\0" + ETHERNET + p),
    "ATM, PPP": (100, lambda p: b"\xfe\xfe\3\xcf\0\x21" + p),
    "ATM, NLPID": (100, lambda p: b"\xfe\xfe\3\xcc" + p),
    "ATM, bare": (100, lambda p: p),
    "ATM, Sun": (123, lambda p: b"\2\0\0\x20" + SNAP + p),
    "ENC": (109, lambda p: bytes(12) + p),
    "pflog": (117, lambda p: b"\x3d\2" + bytes(62) + p),
    "pflog, long": (117, lambda p: b"\x64\2" + bytes(98) + p),
    "802.11": (105, lambda p: WIFI + SNAP + p),
    "802.11, no QoS": (105, lambda p: b"\x08\2" + bytes(22) + SNAP + p),
    "802.11, four ends": (105, lambda p: b"\x08\3" + bytes(28) + SNAP + p),
    "802.11, HT": (105, lambda p: b"\x88\x81" + bytes(28) + SNAP + p),
    "802.11, mesh": (105, lambda p: b"\x88\3" + bytes(28) +
                     b"\0\1\0\x1f\0\0\0\0" + SNAP + p),
    "802.11, aggregate": (105, lambda p: WIFI[:24] + b"\x80" + bytes(13) +
                          short(len(p) + 8) + SNAP + p),
    "CLIP": (106, lambda p: p),
    "CLIP, LLC": (106, lambda p: SNAP + p),
    "Symantec": (99, lambda p: bytes(6) + IPV4 + bytes(36) + p),
    "EPON": (259, lambda p: b"\x55\x55\xd5\x55\x55\0\1\0" + ETHERNET + p),
    "802.11, aggregate of several": (105, lambda p: aggregate(
        ARP, p, ARP)),
    "802.11, decrypted": (105, lambda p: b"\x88\x41" + bytes(32) + SNAP + p),
    "Prism": (119, lambda p: b"\x44\0\0\0\x90\0\0\0" + bytes(136) + WIFI + SNAP +
              p),
    "AVS": (163, lambda p: b"\x80\x21\x10\1\0\0\0\x40" + bytes(56) + WIFI +
            SNAP + p),
    "radiotap": (127, lambda p: RADIOTAP + WIFI + SNAP + p),
    "radiotap, FCS": (127, lambda p: b"\0\0\x09\0\2\0\0\0\x10" + WIFI + SNAP +
                      p + bytes(4)),
    "radiotap, padded": (127, lambda p: b"\0\0\x09\0\2\0\0\0\x20" + WIFI +
                         bytes(2) + SNAP + p),
    "PPI": (192, lambda p: b"\0\0\x08\0\x69\0\0\0" + WIFI + SNAP + p),
    "PPI, Ethernet": (192, lambda p: b"\0\0\x08\0\1\0\0\0" + ETHERNET + p),
    "SLL": (113, lambda p: bytes(14) + IPV4 + p),
    "SLL, LLC": (113, lambda p: bytes(14) + b"\0\4" + SNAP + p),
    "SLL, 802.11": (113, lambda p: b"\0\0\3\x21" + bytes(12) + WIFI + SNAP + p),
    "SLL, radiotap": (113, lambda p: b"\0\0\3\x23" + bytes(12) + RADIOTAP +
                      WIFI + SNAP + p),
    "SLL, frame relay": (113, lambda p: b"\0\0\3\2" + bytes(12) + RELAY + p),
    "SLL2": (276, lambda p: IPV4 + bytes(18) + p),
    "SLL2, 802.11": (276, lambda p: bytes(8) + b"\3\x21" + bytes(10) + WIFI +
                     SNAP + p),
    "ERF": (197, lambda p: erf(2, b"\0\0" + ETHERNET + p)),
    "ERF, extended": (197, lambda p: erf(0x82, b"\0\0" + ETHERNET + p,
                                         b"\3" + bytes(7))),
    "ERF, HDLC": (197, lambda p: erf(1, HDLC + p)),
    "ERF, IPv4": (197, lambda p: erf(22, p)),
    "DOCSIS": (143, lambda p: b"\0\0" + short(len(p) + 14) + b"\0\0" + ETHERNET +
               p),
    "DOCSIS, extended": (143, lambda p: b"\1\4" + short(len(p) + 18) + bytes(6) +
                         ETHERNET + p),
    "MPLS link": (219, lambda p: LABEL + p),
    "IPNET": (226, lambda p: b"\2\4" + bytes(22) + p),
    "NFLOG": (239, lambda p: b"\2\0\0\1" + struct.pack("<H", len(p) + 4) +
              b"\x09\0" + p),
    "netANALYZER": (240, lambda p: bytes(4) + ETHERNET + p + bytes(4)),
    "netANALYZER, raw": (241, lambda p: bytes(4) + b"\x55" * 7 + b"\xd5" +
                         ETHERNET + p + bytes(4)),
    "preemptible": (274, lambda p: b"\x55" * 7 + b"\xd5" + ETHERNET + p),
    "PKTAP": (258, lambda p: PKTAP + ETHERNET + p),
    "PKTAP, user": (149, lambda p: PKTAP + ETHERNET + p),
    "switch tag": (281, lambda p: MACS + b"\x20\0\0\1" + IPV4 + p),
    "switch tag in front": (282, lambda p: b"\x20\0\0\1" + ETHERNET + p),
    "DSA": (284, lambda p: MACS + b"\x40\0\0\1" + IPV4 + p),
    "DSA, typed": (285, lambda p: MACS + b"\xda\xda\0\0\x40\0\0\1" + IPV4 + p),
    "Juniper": (178, lambda p: JUNIPER + ETHERNET + p),
    "Juniper, bare": (178, lambda p: b"MGC\3\2\0\0\0" + p),
    "Juniper, PPP": (179, lambda p: JUNIPER + PPP + p),
    "Juniper, relay": (180, lambda p: JUNIPER + RELAY + p),
    "Juniper, HDLC": (181, lambda p: JUNIPER + HDLC + p),
    "Juniper, ATM": (135, lambda p: JUNIPER + bytes(8) + SNAP + p),
    "Juniper, PPPoE": (167, lambda p: JUNIPER + MACS + b"\x88\x64" + SESSION +
                       short(len(p) + 2) + b"\0\x21" + p),
    "experimental Ethernet": (2, lambda p: b"\1\2\2\1" + p),
    "AX.25": (3, lambda p: bytes(6) + b"\x60" + bytes(6) + b"\x61\3\xcc" + p),
    "AX.25, KISS": (202, lambda p: bytes(7) + b"\x60" + bytes(6) +
                    b"\x61\3\xcc" + p),
    "SLIP, BSD/OS": (102, lambda p: bytes(24) + p),
    "PPP, BSD/OS": (103, lambda p: bytes(24) + p),
    "TZSP link": (128, lambda p: b"\1\0\0\1\1" + ETHERNET + p),
    "ERF Ethernet": (175, lambda p: erf(2, b"\0\0" + ETHERNET + p)),
    "frame relay, multilink": (182, lambda p: b"\xc0\1" + RELAY + p),
    "Fibre Channel 2": (224, lambda p: bytes(8) + b"\5" + bytes(4) + b"\x20" +
                        bytes(26) + SNAP + p),
    "Fibre Channel 2, delimited": (225, lambda p: bytes(12) + b"\5" +
                                   bytes(15) + SNAP + p + bytes(4)),
    "InfiniBand, whole": (247, lambda p: b"\0\2" + bytes(6) + b"\x64" +
                          bytes(19) + IPV4 + b"\0\0" + p),
    "InfiniBand, global": (247, lambda p: b"\0\3" + bytes(46) + b"\x64" +
                           bytes(19) + IPV4 + b"\0\0" + p),
    "ATSC 3": (289, lambda p: short(len(p) & 0x7ff) + p),
    "802.15.4": (230, lambda p: RADIO + b"\x41" + six(p) if six(p) else b""),
    "802.15.4, FCS": (195, lambda p: RADIO + compressed(p) + b"\0\0"
                      if six(p) else b""),
    "802.15.4, mesh": (230, lambda p: RADIO + b"\xb5\0\1\0\2\x50\7" +
                       compressed(p) if six(p) else b""),
    "802.15.4, preamble": (215, lambda p: b"\0\0\0\0\xa7\0" + RADIO +
                           compressed(p) + b"\0\0" if six(p) else b""),
    "802.15.4, tap": (283, lambda p: b"\0\0\x0c\0\0\0\1\0\2\0\0\0" + RADIO +
                      compressed(p) + bytes(4) if six(p) else b""),
    "SLL, 802.15.4": (113, lambda p: b"\0\0\3\x24" + bytes(12) + RADIO +
                      compressed(p) if six(p) else b""),
    "Bluetooth": (187, lambda p: b"\2" + bluetooth(p)),
    "Bluetooth, direction": (201, lambda p: bytes(4) + b"\2" + bluetooth(p)),
    "Bluetooth, monitor": (254, lambda p: b"\0\0\0\5" + bluetooth(p)),
    "exported, IP": (252, lambda p: tagged((12, b"ip\0\0")) + p),
    "exported, Ethernet": (252, lambda p: tagged((12, b"eth_withoutfcs\0\0")) +
                           ETHERNET + p),
    "exported, table": (252, lambda p: tagged(
        (14, b"ethertype\0\0\0"), (32, b"\0\0\x08\0")) + p),
    "Juniper, services": (136, lambda p: JUNIPER + bytes(8) + summed(p)),
    "Juniper, multilink": (130, lambda p: JUNIPER + b"\1" + summed(p)),
    "Juniper, GGSN": (133, lambda p: JUNIPER + b"\2\0\0\0" + p),
}
WRAPS = {
    **{name: (1, wrap) for wraps in (ETHER_WRAPS, IP_WRAPS, UDP_WRAPS)
       for name, wrap in wraps.items()},
    **LINK_WRAPS,
}
