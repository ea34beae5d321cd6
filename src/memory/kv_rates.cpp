#include "memory/kv_rates.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>

#include <fmt/format.h>

namespace kvasir {

namespace {

constexpr double kKept = 0.9;               // of what is known, at each measurement
constexpr std::uint32_t kSeenMin = 3;       // measurements of both, before anything is decided by them
constexpr double kSlowerMin = 1.25;         // noise is no reason
constexpr std::uint32_t kTriedAgain = 16;   // restores that seem slower: every so many, one is made
constexpr Position kPrefillTokensMin = 16;  // a step of few tokens takes what the weights take to be read

}  // namespace

void LineFit::add(double tokens, double ms) {
    for (double* sum : {&weight_, &x_, &y_, &xx_, &xy_}) *sum *= kKept;
    weight_ += 1;
    x_ += tokens;
    y_ += ms;
    xx_ += tokens * tokens;
    xy_ += tokens * ms;
    ++count_;
}

// A line that would fall, or begin below nothing, is noise: then it goes through the origin.
double LineFit::per_token_ms() const {
    const double spread = weight_ * xx_ - x_ * x_;
    const double origin = xx_ > 0 ? xy_ / xx_ : 0;
    if (spread <= 1e-9 * xx_ * weight_) return origin;
    const double slope = (weight_ * xy_ - x_ * y_) / spread;
    const double begins = (y_ - slope * x_) / weight_;
    if (slope < 0) return 0;
    return begins < 0 ? origin : slope;
}

double LineFit::fixed_ms() const {
    return weight_ > 0 ? std::max(0.0, (y_ - per_token_ms() * x_) / weight_) : 0;
}

void KvRates::note_prefill(Position tokens, double ms) {
    if (tokens >= kPrefillTokensMin && ms >= 0) prefill_.add(tokens, ms);
}

void KvRates::note_restore(Position tokens, double ms) {
    if (tokens == 0 || ms < 0) return;
    restore_.add(tokens, ms);
    refused_ = 0;
}

std::optional<double> KvRates::prefill_ms(Position tokens) const {
    if (!prefill_.known()) return std::nullopt;
    return prefill_.ms(tokens);
}

std::optional<double> KvRates::restore_ms(Position tokens) const {
    if (!restore_.known()) return std::nullopt;
    return restore_.ms(tokens);
}

RestoreChoice KvRates::choose(Position restored, Position spared) {
    if (prefill_.count() < kSeenMin || restore_.count() < kSeenMin) return RestoreChoice::kRestore;
    // What must be read anyhow is begun anyhow: its fixed part is not spared.
    const double spared_ms = prefill_.per_token_ms() * spared;
    if (restore_.ms(restored) <= kSlowerMin * spared_ms) {
        refused_ = 0;
        return RestoreChoice::kRestore;
    }
    if (++refused_ < kTriedAgain) return RestoreChoice::kRecompute;
    refused_ = 0;
    return RestoreChoice::kRestore;
}

std::optional<Position> KvRates::break_even() const {
    if (!prefill_.known() || !restore_.known()) return std::nullopt;
    const double gained = prefill_.per_token_ms() - restore_.per_token_ms();
    if (gained <= 0) return std::nullopt;
    const double tokens = std::ceil(restore_.fixed_ms() / gained);
    constexpr double kMost = 1e9;
    return static_cast<Position>(std::min(tokens, kMost));
}

std::string KvRates::text() const {
    std::string text;
    for (const LineFit* fit : {&prefill_, &restore_})
        text += fmt::format("{} {:.9g} {:.9g} {:.9g} {:.9g} {:.9g} ", fit->count_, fit->weight_, fit->x_,
                            fit->y_, fit->xx_, fit->xy_);
    return text;
}

KvRates KvRates::from_text(std::string_view text) {
    constexpr std::size_t kNumbers = 12;
    std::array<double, kNumbers> numbers{};
    const std::string copy(text);
    const char* at = copy.c_str();
    for (double& number : numbers) {
        char* end = nullptr;
        number = std::strtod(at, &end);
        if (end == at || !std::isfinite(number) || number < 0) return {};
        at = end;
    }
    KvRates rates;
    const double* from = numbers.data();
    for (LineFit* fit : {&rates.prefill_, &rates.restore_}) {
        constexpr double kCountMost = 1e6;
        fit->count_ = static_cast<std::uint32_t>(std::min(from[0], kCountMost));
        fit->weight_ = from[1];
        fit->x_ = from[2];
        fit->y_ = from[3];
        fit->xx_ = from[4];
        fit->xy_ = from[5];
        from += kNumbers / 2;
    }
    return rates;
}

}  // namespace kvasir
