#include "api/codec/json_encode_engine.h"
#include "api/codec/json_writer.h"

namespace coxswain::api {

void encodeJson(const MessageInfo& info, const void* object, std::string& out,
                const JsonEncodeOptions& options) {
  if (options.pretty) {
    std::string compact;
    {
      JsonTextWriter writer(compact);
      JsonEncoder<JsonTextWriter>(writer, options).top(info, object);
    }
    out.append(indentJson(compact));
  } else {
    JsonTextWriter writer(out);
    JsonEncoder<JsonTextWriter>(writer, options).top(info, object);
  }
  if (options.newline) out.push_back('\n');
}

}  // namespace coxswain::api
