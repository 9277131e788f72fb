#include "cli/remote/terminal.h"

#include <signal.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>

namespace coxswain::cli {
namespace {

// For the signal handler: what to restore. Only one terminal is ever raw.
termios savedModes;
volatile sig_atomic_t savedFd = -1;

void restore() {
  int fd = savedFd;
  if (fd < 0) return;
  savedFd = -1;
  ::tcsetattr(fd, TCSANOW, &savedModes);
}

void onFatalSignal(int number) {
  restore();
  ::signal(number, SIG_DFL);
  ::raise(number);
}

}  // namespace

bool isTerminal(int fd) {
  return ::isatty(fd) == 1;
}

std::optional<streaming::TerminalSize> terminalSize(int fd) {
  winsize size{};
  if (::ioctl(fd, TIOCGWINSZ, &size) != 0) return std::nullopt;
  return streaming::TerminalSize{size.ws_col, size.ws_row};
}

Result<std::unique_ptr<RawTerminal>> RawTerminal::enter(int fd) {
  termios raw{};
  if (savedFd >= 0) return internalError("a terminal is raw already");
  if (::tcgetattr(fd, &savedModes) != 0) return errnoStatus("tcgetattr", errno);
  raw = savedModes;
  ::cfmakeraw(&raw);
  if (::tcsetattr(fd, TCSANOW, &raw) != 0) return errnoStatus("tcsetattr", errno);
  savedFd = fd;
  for (int number : {SIGTERM, SIGHUP, SIGINT, SIGQUIT}) ::signal(number, onFatalSignal);
  return std::unique_ptr<RawTerminal>(new RawTerminal());
}

RawTerminal::~RawTerminal() {
  restore();
  for (int number : {SIGTERM, SIGHUP, SIGINT, SIGQUIT}) ::signal(number, SIG_DFL);
}

Result<std::unique_ptr<SignalWatch>> SignalWatch::create(Reactor& reactor,
                                                         std::vector<int> signals) {
  sigset_t set;
  sigemptyset(&set);
  for (int number : signals) sigaddset(&set, number);
  if (::pthread_sigmask(SIG_BLOCK, &set, nullptr) != 0)
    return errnoStatus("pthread_sigmask", errno);
  int fd = ::signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
  if (fd < 0) return errnoStatus("signalfd", errno);
  TRY(auto descriptor, Reactor::Descriptor::create(reactor, fd));
  return std::unique_ptr<SignalWatch>(new SignalWatch(std::move(descriptor)));
}

Task<Result<int>> SignalWatch::next(std::stop_token stop) {
  signalfd_siginfo info{};
  while (::read(descriptor_->fd(), &info, sizeof info) != sizeof info)
    CO_TRY_STATUS(co_await descriptor_->waitReadable(stop));
  co_return static_cast<int>(info.ssi_signo);
}

}  // namespace coxswain::cli
