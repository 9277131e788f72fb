#include "cmd/up/node_address.h"
#include "base/text.h"
#include "cmd/host_address.h"

#include <net/if.h>
#include <unistd.h>

#include <cctype>

#include "base/log.h"

namespace coxswain::cmd {
namespace {

const Logger kLog("up");

constexpr const char* kOfflineAddress = "192.168.127.1";

Task<Status> ip(ProcessRunner& processes, std::vector<std::string> words, std::stop_token stop) {
  RunOptions options;
  options.argv = std::move(words);
  options.argv.insert(options.argv.begin(), "ip");
  CO_TRY(auto result, co_await processes.run(options, std::move(stop)));
  if (result.exit.ok()) co_return Status();
  std::string command;
  for (const auto& word : options.argv) command += word + " ";
  co_return internalError(command + "failed: " + result.error);
}

}  // namespace

std::string ownNodeName() {
  std::string name;
  for (const char letter : lowerCase(hostName())) {
    if (std::isalnum(static_cast<unsigned char>(letter)) || letter == '-' || letter == '.') {
      name.push_back(letter);
    }
  }
  while (!name.empty() && !std::isalnum(static_cast<unsigned char>(name.back()))) name.pop_back();
  return name.empty() ? "node" : name;
}

Task<Result<std::string>> makeOfflineAddress(ProcessRunner& processes, std::string serviceCidr,
                                             std::stop_token stop) {
  if (::if_nametoindex(kOfflineLink) == 0) {
    std::vector<std::string> add = {"link", "add", "name", kOfflineLink, "type", "bridge"};
    CO_TRY_STATUS(co_await ip(processes, std::move(add), stop));
  }
  std::vector<std::string> address = {"address", "replace", std::string(kOfflineAddress) + "/24",
                                      "dev", kOfflineLink};
  CO_TRY_STATUS(co_await ip(processes, std::move(address), stop));
  std::vector<std::string> raise = {"link", "set", kOfflineLink, "up"};
  CO_TRY_STATUS(co_await ip(processes, std::move(raise), stop));
  std::vector<std::string> route = {"route", "replace", serviceCidr, "dev", kOfflineLink};
  CO_TRY_STATUS(co_await ip(processes, std::move(route), stop));
  co_return std::string(kOfflineAddress);
}

Task<void> removeOfflineAddress(ProcessRunner& processes, std::stop_token stop) {
  if (::if_nametoindex(kOfflineLink) == 0) co_return;
  std::vector<std::string> remove = {"link", "delete", kOfflineLink};
  Status removed = co_await ip(processes, std::move(remove), stop);
  if (!removed.ok()) kLog.warn("the link stays", {{"error", removed}});
}

}  // namespace coxswain::cmd
