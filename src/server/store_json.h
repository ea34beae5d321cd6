// What the store tells about itself, as JSON: the same on the command line (--json) and over HTTP. Pure
// functions.
#pragma once

#include <boost/json/value.hpp>

#include "store/store.h"

namespace kvasir {

boost::json::value to_json(const CheckReport& report);
boost::json::value to_json(const CollectionResult& result);
boost::json::value to_json(const BackupReport& report);
boost::json::value store_json(const DiskUsage& usage, const StoreHealth& health);

}  // namespace kvasir
