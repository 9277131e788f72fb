#include "net/server_connection.h"

namespace coxswain::net {

Task<void> serveHttp2(ConnectionContext context, std::unique_ptr<Stream> stream) { co_return; }

}  // namespace coxswain::net
