// A log file of any bytes: the same text comes out in whatever pieces it is read.
#include <cstdint>
#include <cstdlib>

#include "kubelet/logs/log_format.h"
#include "kubelet/logs/log_line.h"

using namespace coxswain::kubelet::logs;  // NOLINT

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1) return 0;
  std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  LogOptions options;
  options.timestamps = (data[0] & 1) != 0;
  if ((data[0] & 2) != 0) options.limitBytes = data[0];
  if ((data[0] & 4) != 0) options.stream = LogStream::Stderr;
  std::string whole;
  LogFormatter one(options);
  if (one.feed(text, whole)) one.finishFile(whole);
  std::string pieces;
  LogFormatter many(options);
  bool goOn = true;
  for (size_t i = 0; i < text.size() && goOn; i += 7) goOn = many.feed(text.substr(i, 7), pieces);
  if (goOn) many.finishFile(pieces);
  if (whole != pieces) std::abort();
  if (options.limitBytes && whole.size() > static_cast<size_t>(*options.limitBytes)) std::abort();
  auto line = parseLogLine(text.substr(0, text.find('\n')));
  if (line && fixedTimestamp(line->timestamp).size() < 30) std::abort();
  return 0;
}
