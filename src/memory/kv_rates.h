// How fast this machine reads tokens with one model, and how fast it brings stored ones back: measured as it
// happens. By that it is decided whether a restore pays. Values; one thread at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/tokens.h"

namespace kvasir {

// Of what takes a fixed time and some per token: a line through what was seen, the newest counting most.
class LineFit {
  public:
    void add(double tokens, double ms);
    bool known() const { return weight_ > 0; }
    double per_token_ms() const;
    double fixed_ms() const;
    double ms(double tokens) const { return fixed_ms() + per_token_ms() * tokens; }
    std::uint32_t count() const { return count_; }

  private:
    friend class KvRates;
    double weight_ = 0;
    double x_ = 0;  // weighted sums
    double y_ = 0;
    double xx_ = 0;
    double xy_ = 0;
    std::uint32_t count_ = 0;
};

// In the catalog: the digest of the fingerprint that they were measured with, a space, text().
inline constexpr const char* kKvRatesSetting = "kv_rates";

enum class RestoreChoice { kRestore, kRecompute };

class KvRates {
  public:
    void note_prefill(Position tokens, double ms);
    void note_restore(Position tokens, double ms);
    std::optional<double> prefill_ms(Position tokens) const;
    std::optional<double> restore_ms(Position tokens) const;
    // Bringing `restored` tokens back spares evaluating `spared`. As long as little is known a restore is
    // tried; and now and then also when it seems slower, or nobody would see that it is not any more.
    RestoreChoice choose(Position restored, Position spared);
    // From so many tokens on a restore pays; 0: from the first. Nothing: not known, or it never does.
    std::optional<Position> break_even() const;

    double prefill_token_ms() const { return prefill_.per_token_ms(); }
    double restore_token_ms() const { return restore_.per_token_ms(); }
    double restore_fixed_ms() const { return restore_.fixed_ms(); }
    bool known() const { return prefill_.known() && restore_.known(); }

    std::string text() const;
    static KvRates from_text(std::string_view text);  // what it does not understand is not known

  private:
    LineFit prefill_;
    LineFit restore_;
    std::uint32_t refused_ = 0;  // in a row
};

}  // namespace kvasir
