// Boost.Asio, header-only, compiled once for this layer.
#include <boost/asio/impl/src.hpp>
#include <boost/asio/ssl/impl/src.hpp>
