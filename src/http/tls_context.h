// Set-up of TLS: certificate and key are read and checked once, at start. Used by the server's start only.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"

namespace boost::asio::ssl {
class context;
}

namespace kvasir {

// TLS 1.2 or later. kInvalidArgument when a file cannot be read, is not PEM, or key and certificate are not a
// pair.
Result<std::shared_ptr<boost::asio::ssl::context>> make_tls_context(const std::string& certificate_path,
                                                                    const std::string& key_path);

}  // namespace kvasir
