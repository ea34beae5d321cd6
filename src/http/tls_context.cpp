#include "http/tls_context.h"

#include <boost/asio/ssl/context.hpp>
#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

namespace kvasir {
namespace {

namespace ssl = boost::asio::ssl;

// A key with a password would make OpenSSL ask on the terminal of a server.
int no_password(char*, int, int, void*) { return -1; }

Status load_pair(SSL_CTX* context, const std::string& certificate_path, const std::string& key_path) {
    ERR_clear_error();
    if (SSL_CTX_use_certificate_chain_file(context, certificate_path.c_str()) != 1) {
        return fail(ErrorCode::kInvalidArgument,
                    fmt::format("cannot use the TLS certificate '{}': it must be a readable PEM file",
                                certificate_path));
    }
    const bool key_loaded = SSL_CTX_use_PrivateKey_file(context, key_path.c_str(), SSL_FILETYPE_PEM) == 1;
    const unsigned long reason = ERR_peek_last_error();
    const bool mismatch = ERR_GET_LIB(reason) == ERR_LIB_X509;  // OpenSSL compares as soon as it has both
    if (key_loaded && SSL_CTX_check_private_key(context) == 1) return {};
    if (key_loaded || mismatch) {
        return fail(ErrorCode::kInvalidArgument,
                    fmt::format("the TLS key '{}' does not belong to the certificate '{}'", key_path,
                                certificate_path));
    }
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("cannot use the TLS key '{}': it must be a readable PEM file without a password",
                            key_path));
}

}  // namespace

Result<std::shared_ptr<ssl::context>> make_tls_context(const std::string& certificate_path,
                                                       const std::string& key_path) {
    if (certificate_path.empty() || key_path.empty()) {
        return fail(ErrorCode::kInvalidArgument, "TLS needs both a certificate and a key");
    }
    try {
        auto context = std::make_shared<ssl::context>(ssl::context::tls_server);
        SSL_CTX* const native = context->native_handle();
        SSL_CTX_set_min_proto_version(native, TLS1_2_VERSION);
        SSL_CTX_set_options(
            native, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
        SSL_CTX_set_default_passwd_cb(native, no_password);
        KVASIR_TRY(load_pair(native, certificate_path, key_path));
        ERR_clear_error();
        return context;
    } catch (const std::exception& e) {
        return fail(ErrorCode::kInvalidArgument, fmt::format("cannot set up TLS: {}", e.what()));
    }
}

}  // namespace kvasir
