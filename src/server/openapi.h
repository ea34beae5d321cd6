// The route table as an OpenAPI 3.1 document and as a page. Pure functions.
#pragma once

#include <string>

namespace kvasir {

std::string openapi_document();
std::string docs_page();

}  // namespace kvasir
