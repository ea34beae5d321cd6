// What a KV row means depends on more than its tokens: the fingerprint names all of it. Two engines whose
// fingerprints differ in any field never share KV. A field that is not known means: refuse to persist, not
// default. The model id is the part that decides whether *tokens* still mean the same (weights and
// tokenizer). Values only, thread-safe.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/hash.h"
#include "base/result.h"

namespace kvasir {

class Fingerprint {
  public:
    // Fields in a fixed order, name and value; the digests are computed over all of them, tagged and
    // length-prefixed. model_fields: weights, tokenizer. kv_fields: adapters, KV types, rotation, RoPE and
    // context scaling, geometry, state version, KV-format number. An empty value is kInvalidArgument, naming
    // the field.
    static Result<Fingerprint> make(std::vector<std::pair<std::string, std::string>> model_fields,
                                    std::vector<std::pair<std::string, std::string>> kv_fields);

    const Digest256& model_id() const { return model_id_; }
    const Digest256& digest() const { return digest_; }
    const std::vector<std::pair<std::string, std::string>>& model_fields() const { return model_fields_; }
    const std::vector<std::pair<std::string, std::string>>& kv_fields() const { return kv_fields_; }
    // One "name=value" per line, model fields first; stored beside the digest so that a mismatch can be
    // explained.
    std::string text() const;

  private:
    std::vector<std::pair<std::string, std::string>> model_fields_;
    std::vector<std::pair<std::string, std::string>> kv_fields_;
    Digest256 model_id_;
    Digest256 digest_;
};

// The names of the fields in which two fingerprint texts differ, "kv_type_k: f16 -> q8_0", for messages.
std::vector<std::string> fingerprint_differences(const std::string& stored_text,
                                                 const std::string& current_text);

}  // namespace kvasir
