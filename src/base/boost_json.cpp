// Boost.JSON, header-only, compiled once for the whole program.
#include <boost/json/src.hpp>
