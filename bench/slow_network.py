#!/usr/bin/env python3
"""Connects network namespaces by a slow network: every packet waits for its turn on the sender's link, and then for the delay.

    bench/slow_network.py --rate-mbit 100 --delay-ms 1 NAMESPACE...      as root; until it is killed

The namespaces must exist. Namespace number i gets the device slow0 with the address 10.77.0.(i + 1). The devices are TAP devices, and this
program is the switch between them: it reads the packets of one namespace and writes them into another when their time has come. It replaces
`tc qdisc add ... netem delay 1ms rate 100mbit` on each device, for kernels without sch_netem.

    leaves the link   max(now, link free) + bytes / rate        the queue of a link holds QUEUE bytes; packets beyond that are dropped
    arrives           that moment + delay

Prints "ready" as soon as packets pass. Python and the kernel's timers delay each packet by about another tenth of a millisecond.
"""
import argparse
import fcntl
import heapq
import os
import select
import struct
import subprocess
import sys
import time

TUNSETIFF, IFF_TAP, IFF_NO_PI = 0x400454CA, 0x0002, 0x1000
QUEUE = 4 << 20  # bytes that may wait for a link


def open_tap(name):
    handle = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(handle, TUNSETIFF, struct.pack("16sH22s", name.encode(), IFF_TAP | IFF_NO_PI, b""))
    return handle


def ip(*arguments):
    subprocess.run(["ip", *arguments], check=True)


def connect(number, namespace, mtu):
    """Makes a TAP device in the namespace, whose hardware address contains its number, and returns its handle."""
    device = f"slow{os.getpid()}_{number}"[:15]
    handle = open_tap(device)
    ip("link", "set", device, "address", f"02:77:00:00:00:{number:02x}")
    ip("link", "set", device, "netns", namespace)
    ip("-n", namespace, "link", "set", device, "name", "slow0")
    ip("-n", namespace, "link", "set", "slow0", "mtu", str(mtu), "up")
    ip("-n", namespace, "addr", "add", f"10.77.0.{number + 1}/24", "dev", "slow0")
    return handle


class Switch:
    def __init__(self, handles, rate_mbit, delay_ms):
        self.handles = handles
        self.seconds_per_byte = 8e-6 / rate_mbit if rate_mbit > 0 else 0.0
        self.delay = 1e-3 * delay_ms
        self.free = [0.0] * len(handles)  # when the link of each namespace has sent what waits
        self.waiting = []                 # heap of (arrival, order, receiver, frame)
        self.order = 0

    def take(self, sender, now):
        while True:
            try:
                frame = os.read(self.handles[sender], 1 << 17)
            except BlockingIOError:
                return
            start = max(now, self.free[sender])
            if (start - now) > QUEUE * self.seconds_per_byte > 0.0:
                continue
            self.free[sender] = start + len(frame) * self.seconds_per_byte
            arrival = self.free[sender] + self.delay
            own = frame[0] == 0x02 and frame[1] == 0x77 and frame[5] < len(self.handles)
            receivers = [frame[5]] if own else [r for r in range(len(self.handles)) if r != sender]  # broadcast
            for receiver in receivers:
                self.order += 1
                heapq.heappush(self.waiting, (arrival, self.order, receiver, frame))

    def deliver(self, now):
        while self.waiting and self.waiting[0][0] <= now:
            _, _, receiver, frame = heapq.heappop(self.waiting)
            try:
                os.write(self.handles[receiver], frame)
            except (BlockingIOError, OSError):
                pass  # the device is going down

    def run(self):
        number_of = {handle: number for number, handle in enumerate(self.handles)}
        while True:
            wait = max(self.waiting[0][0] - time.monotonic(), 0.0) if self.waiting else 1.0
            ready, _, _ = select.select(self.handles, [], [], wait)
            now = time.monotonic()
            for handle in ready:
                self.take(number_of[handle], now)
            self.deliver(time.monotonic())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("namespaces", nargs="+", metavar="NAMESPACE")
    parser.add_argument("--rate-mbit", type=float, default=0.0, help="rate of each link in each direction; 0: no limit")
    parser.add_argument("--delay-ms", type=float, default=0.0, help="delay of each packet")
    parser.add_argument("--mtu", type=int, default=9000)
    options = parser.parse_args()
    try:
        handles = [connect(i, name, options.mtu) for i, name in enumerate(options.namespaces)]
    except (OSError, subprocess.CalledProcessError) as error:
        sys.exit(f"slow_network: {error}")
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))  # a network does not wait for a processor
    except OSError:
        pass
    print("ready", flush=True)
    Switch(handles, options.rate_mbit, options.delay_ms).run()


if __name__ == "__main__":
    main()
