// Boost.Beast, header-only, compiled once for this layer.
#include <boost/beast/src.hpp>
