// What `kvasir pull` is asked for: a URL as it is, or a file of a hub's repository. Blocks while it asks the
// hub.
#pragma once

#include <string>

#include "app/commands.h"
#include "fetch/fetch.h"

namespace kvasir {

struct PullSource {
    std::string url;
    std::string name;    // by which the model is asked for
    std::string sha256;  // "" the server may tell it
};

// kInvalidArgument: neither a URL nor of a hub, or a name that cannot be one. kNotFound: no such repository,
// or no file, or several, in it; the message lists them.
Result<PullSource> find_pull_source(const PullArguments& arguments, FetchOptions options);

}  // namespace kvasir
