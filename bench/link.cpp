// A network of hosts for bench/scaling.mjs: joins network namespaces (ip netns) by links of a given rate and delay,
// where the kernel has no netem. Each host sends at the rate; every packet arrives the delay after its last bit was
// sent. Nothing is lost.
//
//   g++ -O2 -std=c++17 bench/link.cpp -o link
//   ./link 1e9 1e-3 host1 host2      bits per second, seconds; host i is 10.77.0.i
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <string>
#include <vector>

namespace {

struct Packet {
  double due;
  size_t to;
  std::vector<char> bytes;
};

// What a host has sent and nobody received yet.
struct Host {
  int device = -1;
  double freeAt = 0;
  std::deque<Packet> sent;
};

double now() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + 1e-9 * t.tv_nsec;
}

[[noreturn]] void fail(const std::string& what) {
  std::perror(what.c_str());
  std::exit(1);
}

// A device in the namespace, whose packets come to this process.
int deviceIn(const char* name) {
  const int space = open((std::string("/run/netns/") + name).c_str(), O_RDONLY);
  if (space < 0 || setns(space, CLONE_NEWNET) != 0) fail(name);
  close(space);
  const int device = open("/dev/net/tun", O_RDWR | O_NONBLOCK);
  if (device < 0) fail("/dev/net/tun");
  ifreq request{};
  request.ifr_flags = IFF_TUN | IFF_NO_PI;
  std::strcpy(request.ifr_name, "link0");
  if (ioctl(device, TUNSETIFF, &request) != 0) fail("TUNSETIFF");
  return device;
}

}  // namespace

int main(int argc, char** argv) {
  prctl(PR_SET_TIMERSLACK, 1000);  // nanoseconds
  const double rate = std::atof(argv[1]);
  const double delay = std::atof(argv[2]);
  std::vector<Host> hosts(argc - 3);
  for (size_t i = 0; i < hosts.size(); i++) hosts[i].device = deviceIn(argv[i + 3]);
  std::puts("ready");
  std::fflush(stdout);
  // a host that is so far ahead of its link waits: its TCP then slows down, and nothing is dropped
  const double ahead = 2e-3;
  std::vector<char> buffer(1 << 16);
  for (;;) {
    double next = now() + 1;
    for (Host& host : hosts) {
      while (!host.sent.empty() && host.sent.front().due <= now()) {
        const Packet& packet = host.sent.front();
        if (write(hosts[packet.to].device, packet.bytes.data(), packet.bytes.size()) < 0 && errno == EAGAIN) break;
        host.sent.pop_front();
      }
      if (!host.sent.empty()) next = std::min(next, host.sent.front().due);
    }
    std::vector<pollfd> waiting;
    for (Host& host : hosts) {
      const bool isAhead = host.freeAt > now() + ahead;
      if (isAhead) next = std::min(next, host.freeAt - ahead);
      waiting.push_back({host.device, static_cast<short>(isAhead ? 0 : POLLIN), 0});
    }
    const double rest = std::max(0.0, next - now());
    const timespec timeout{static_cast<time_t>(rest), static_cast<long>(1e9 * (rest - static_cast<time_t>(rest)))};
    ppoll(waiting.data(), waiting.size(), &timeout, nullptr);
    for (size_t i = 0; i < hosts.size(); i++) {
      Host& host = hosts[i];
      while (host.freeAt <= now() + ahead) {
        const ssize_t size = read(host.device, buffer.data(), buffer.size());
        if (size <= 0) break;
        if ((buffer[0] >> 4) != 4) continue;  // IPv4 alone
        const size_t to = static_cast<unsigned char>(buffer[19]) - 1u;
        if (to >= hosts.size()) continue;
        host.freeAt = std::max(host.freeAt, now()) + 8.0 * size / rate;
        host.sent.push_back({host.freeAt + delay, to, std::vector<char>(buffer.begin(), buffer.begin() + size)});
      }
    }
  }
}
