// An Engine whose fingerprint differs from its inner engine's in one field: what a store must see of another
// build, model or setting. Owned by the test; one thread.
#pragma once

#include "support/forwarding_engine.h"

namespace kvasir::test {

class OtherFingerprintEngine final : public ForwardingEngine {
  public:
    // `field` counts through the model's fields, then those of KV.
    OtherFingerprintEngine(std::unique_ptr<Engine> inner, std::size_t field)
        : ForwardingEngine(std::move(inner)), fingerprint_(changed(ForwardingEngine::fingerprint(), field)) {}
    const Fingerprint& fingerprint() const override { return fingerprint_; }

  private:
    static Fingerprint changed(const Fingerprint& from, std::size_t field) {
        auto model = from.model_fields();
        auto kv = from.kv_fields();
        auto& one = field < model.size() ? model.at(field) : kv.at(field - model.size());
        one.second += "-other";
        return *Fingerprint::make(model, kv);
    }

    Fingerprint fingerprint_;
};

}  // namespace kvasir::test
