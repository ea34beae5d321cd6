// Sampling through llama-common's sampler chain.
#include <cmath>
#include <exception>
#include <utility>

#include <fmt/format.h>
#include <sampling.h>

#include "base/log.h"
#include "engine/llama/answer_format.h"
#include "engine/llama/llama_engine_impl.h"

namespace kvasir {

namespace {

constexpr std::int32_t kPenaltyTokens = 64;  // as far back as penalties look

enum class Constrained { kNo, kYes };

Token end_of_turn(const llama_vocab& vocab) {
    const Token end = llama_vocab_eot(&vocab);
    return end != LLAMA_TOKEN_NULL ? end : llama_vocab_eos(&vocab);
}

class LlamaSampler : public Sampler {
  public:
    LlamaSampler(common_sampler_ptr sampler, llama_context& context, Constrained constrained)
        : sampler_(std::move(sampler)),
          context_(context),
          constrained_(constrained),
          end_of_turn_(end_of_turn(*llama_model_get_vocab(llama_get_model(&context)))) {}

    // The token is drawn as without a grammar and kept if the grammar allows it; else drawn again among those
    // that it allows. Either way greedy gives the likeliest allowed token, and the draw is the same as long
    // as the grammar agrees.
    Token sample(std::size_t row) override {
        if (at_dead_end_) return end_of_turn_;
        try {
            const Token token = common_sampler_sample(sampler_.get(), &context_, static_cast<int>(row));
            if (constrained_ == Constrained::kYes && !is_allowed())
                return give_up("no token fits the grammar");
            common_sampler_accept(sampler_.get(), token, true);
            return token;
        } catch (const std::exception& error) {
            return give_up(error.what());
        }
    }

  private:
    // Only when the grammar leaves nothing is one of the tokens taken that it ruled out.
    bool is_allowed() const {
        const llama_token_data_array* drawn = common_sampler_get_candidates(sampler_.get(), false);
        return drawn->selected >= 0 && drawn->data[drawn->selected].logit > -INFINITY;
    }

    // The answer cannot go on within its format: it ends, and its reader tells that it is incomplete.
    Token give_up(const char* reason) {
        log(LogLevel::kWarning, "answer_constraint_broken", reason);
        at_dead_end_ = true;
        return end_of_turn_;
    }

    common_sampler_ptr sampler_;
    llama_context& context_;
    Constrained constrained_;
    Token end_of_turn_;
    bool at_dead_end_ = false;
};

Status check(const SamplingOptions& options, const llama_vocab& vocab) {
    for (const auto& [token, bias] : options.logit_bias) {
        if (token < 0 || token >= llama_vocab_n_tokens(&vocab))
            return fail(ErrorCode::kInvalidArgument,
                        fmt::format("logit bias of token {}, which does not exist", token));
        if (std::isnan(bias))
            return fail(ErrorCode::kInvalidArgument,
                        fmt::format("the logit bias of token {} is no number", token));
    }
    return {};
}

common_params_sampling params_of(const SamplingOptions& options) {
    common_params_sampling params;
    params.temp = options.temperature;
    params.top_k = options.top_k;
    params.top_p = options.top_p;
    params.min_p = options.min_p;
    params.seed = options.seed;
    params.penalty_last_n = kPenaltyTokens;
    params.penalty_repeat = options.repeat_penalty;
    params.penalty_present = options.presence_penalty;
    params.penalty_freq = options.frequency_penalty;
    for (const auto& [token, bias] : options.logit_bias) params.logit_bias.push_back({token, bias});
    return params;
}

}  // namespace

Result<std::unique_ptr<Sampler>> make_llama_sampler(llama_model& model, llama_context& context,
                                                    const SamplingOptions& options) {
    const llama_vocab& vocab = *llama_model_get_vocab(&model);
    KVASIR_TRY(check(options, vocab));
    common_params_sampling params = params_of(options);
    Constrained constrained = Constrained::kNo;
    if (options.format) {
        const auto* format = dynamic_cast<const LlamaAnswerFormat*>(options.format.get());
        if (format == nullptr)
            return fail(ErrorCode::kInvalidArgument, "the answer format was made by another engine");
        format->add_to(params);
        if (!params.grammar.empty()) constrained = Constrained::kYes;
        if (constrained == Constrained::kYes && end_of_turn(vocab) == LLAMA_TOKEN_NULL)
            return fail(ErrorCode::kInvalidArgument,
                        "the model has no token that ends an answer: no format can be enforced");
    }
    try {
        common_sampler_ptr sampler(common_sampler_init(&model, params));
        if (!sampler) return fail(ErrorCode::kInvalidArgument, "the sampling options cannot be used");
        return std::make_unique<LlamaSampler>(std::move(sampler), context, constrained);
    } catch (const std::exception& error) {
        return fail(ErrorCode::kInvalidArgument,
                    fmt::format("the sampling options cannot be used: {}", error.what()));
    }
}

}  // namespace kvasir
