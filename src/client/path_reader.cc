#include "client/path_reader.h"

#include "client/client.h"

namespace coxswain::client {

PathReader* pathReaderOf(Client& client) {
  return dynamic_cast<PathReader*>(&client);
}

}  // namespace coxswain::client
