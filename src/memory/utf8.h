// UTF-8 at the edges: texts that come in are checked, tokens that go out may end inside a character.
//
// Pure function; an Utf8Stream belongs to one answer and its thread.
#pragma once

#include <string>
#include <string_view>

namespace kvasir {

bool is_valid_utf8(std::string_view text);

// Turns bytes as they come into complete characters. What can be no character becomes U+FFFD.
class Utf8Stream {
  public:
    std::string push(std::string_view bytes);  // complete characters so far
    std::string finish();                      // what was left unfinished

  private:
    std::string held_;  // the beginning of a character
};

}  // namespace kvasir
