// Sampling through llama-common's sampler chain.
#include <exception>

#include <fmt/format.h>
#include <sampling.h>

#include "engine/llama/llama_engine_impl.h"

namespace kvasir {

namespace {

class LlamaSampler : public Sampler {
  public:
    LlamaSampler(common_sampler_ptr sampler, llama_context& context)
        : sampler_(std::move(sampler)), context_(context) {}

    Token sample(std::size_t row) override {
        const Token token = common_sampler_sample(sampler_.get(), &context_, static_cast<int>(row));
        common_sampler_accept(sampler_.get(), token, true);
        return token;
    }

  private:
    common_sampler_ptr sampler_;
    llama_context& context_;
};

}  // namespace

Result<std::unique_ptr<Sampler>> make_llama_sampler(llama_model& model, llama_context& context,
                                                    const SamplingOptions& options) {
    common_params_sampling params;
    params.temp = options.temperature;
    params.top_k = options.top_k;
    params.top_p = options.top_p;
    params.min_p = options.min_p;
    params.seed = options.seed;
    try {
        common_sampler_ptr sampler(common_sampler_init(&model, params));
        if (!sampler) return fail(ErrorCode::kInvalidArgument, "the sampling options cannot be used");
        return std::make_unique<LlamaSampler>(std::move(sampler), context);
    } catch (const std::exception& error) {
        return fail(ErrorCode::kInvalidArgument,
                    fmt::format("the sampling options cannot be used: {}", error.what()));
    }
}

}  // namespace kvasir
