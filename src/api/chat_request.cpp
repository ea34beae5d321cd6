#include "api/chat_request.h"

namespace kvasir {

SamplingOptions SamplingWishes::over(SamplingOptions defaults) const {
    defaults.temperature = temperature.value_or(defaults.temperature);
    defaults.top_p = top_p.value_or(defaults.top_p);
    defaults.top_k = top_k.value_or(defaults.top_k);
    defaults.min_p = min_p.value_or(defaults.min_p);
    defaults.seed = seed.value_or(defaults.seed);
    defaults.presence_penalty = presence_penalty.value_or(defaults.presence_penalty);
    defaults.frequency_penalty = frequency_penalty.value_or(defaults.frequency_penalty);
    defaults.repeat_penalty = repeat_penalty.value_or(defaults.repeat_penalty);
    if (!logit_bias.empty()) defaults.logit_bias = logit_bias;
    return defaults;
}

}  // namespace kvasir
