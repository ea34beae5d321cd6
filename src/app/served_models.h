// Several models for `kvasir serve`: what the scheduler needs to open and to keep them. Used by the main
// thread.
#pragma once

#include "app/commands.h"
#include "app/config.h"
#include "sched/models.h"

namespace kvasir {

// kModelUnusable: not one of them can be loaded, whatever room there is. Of one that cannot the user is told.
Result<ModelsOptions> served_models(const Config& config, const ServeArguments& arguments,
                                    std::vector<ModelSpec> specs);

}  // namespace kvasir
