// Chat templates that tests give to a model. Owned by the test that includes it.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <unistd.h>

#include "engine/live_engine.h"
#include "engine/templated_model.h"
#include "support/fake_engine.h"

namespace kvasir::test {

// Thoughts between markers, tools as JSON between markers.
inline const std::string kThinkingTemplate =
    "{%- if tools %}{{- '<|im_start|>system\n' }}{%- for tool in tools %}{{- (tool | tojson) + '\n' }}{%- "
    "endfor %}"
    "{{- '<|im_end|>\n' }}{%- endif %}"
    "{%- for message in messages %}{{- '<|im_start|>' + message.role + '\n' }}"
    "{%- if message.reasoning_content %}{{- '<think>\n' + message.reasoning_content + '\n</think>\n\n' }}{%- "
    "endif %}"
    "{{- message.content }}"
    "{%- for call in message.tool_calls %}{{- '\n<tool_call>\n{\"name\": \"' + call.function.name + '\", "
    "\"arguments\": ' }}"
    "{{- (call.function.arguments | tojson) + '}\n</tool_call>' }}{%- endfor %}"
    "{{- '<|im_end|>\n' }}{%- endfor %}{%- if add_generation_prompt %}{{- '<|im_start|>assistant\n' }}"
    "{%- if enable_thinking is defined and not enable_thinking %}{{- '<think>\n\n</think>\n\n' }}{%- endif "
    "%}{%- endif %}";

// Each argument between markers of its own.
inline const std::string kTaggedTemplate =
    "{%- if tools %}{{- '<|im_start|>system\n' }}{%- for tool in tools %}{{- (tool | tojson) + '\n' }}{%- "
    "endfor %}"
    "{{- '<|im_end|>\n' }}{%- endif %}"
    "{%- for message in messages %}{{- '<|im_start|>' + message.role + '\n' + message.content }}"
    "{%- for call in message.tool_calls %}{{- '\n<tool_call>\n<function=' + call.function.name + '>\n' }}"
    "{%- for name, value in call.function.arguments | items %}{{- '<parameter=' + name + '>\n' }}"
    "{{- value if value is string else (value | tojson) }}{{- '\n</parameter>\n' }}{%- endfor %}"
    "{{- '</function>\n</tool_call>' }}{%- endfor %}"
    "{{- '<|im_end|>\n' }}{%- endfor %}{%- if add_generation_prompt %}{{- '<|im_start|>assistant\n' }}{%- "
    "endif %}";

// "": the model has none.
inline std::unique_ptr<Engine> open_with_template(const std::string& chat_template) {
    const std::string path =
        testing::TempDir() + "/kvasir_other_template." + std::to_string(::getpid()) + ".gguf";
    copy_with_template(kDemoModel, chat_template, path);
    auto engine = open_or_throw(exact_options(path));
    std::filesystem::remove(path);
    return engine;
}

// How answers are written: of each there is an engine.
enum class Format { kDemo, kStandIn, kThinking, kTagged, kFake };

inline std::unique_ptr<Engine> engine_with(Format format) {
    switch (format) {
        case Format::kDemo:
            return open_or_throw(exact_options(kDemoModel));
        case Format::kStandIn:
            return open_with_template("");
        case Format::kThinking:
            return open_with_template(kThinkingTemplate);
        case Format::kTagged:
            return open_with_template(kTaggedTemplate);
        case Format::kFake:
            break;
    }
    return std::make_unique<FakeEngine>();
}

inline std::string name_of(const testing::TestParamInfo<Format>& which) {
    const std::vector<std::string> names = {"Demo", "StandIn", "Thinking", "Tagged", "Fake"};
    return names.at(static_cast<std::size_t>(which.param));
}

}  // namespace kvasir::test
