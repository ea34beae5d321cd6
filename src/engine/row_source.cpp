#include "engine/row_source.h"

namespace kvasir {

Result<std::vector<std::byte>> all_rows(RowSource& source) {
    std::vector<std::byte> rows;
    rows.reserve(source.bytes());
    std::vector<std::byte> buffer(kRowPartBytes);
    for (std::uint64_t number = 0; number < source.parts(); ++number) {
        KVASIR_TRY_ASSIGN(const auto part, source.part(number, buffer));
        rows.insert(rows.end(), part.begin(), part.end());
    }
    return rows;
}

}  // namespace kvasir
