// LlamaText: how answers are constrained and read.
#include <algorithm>
#include <exception>
#include <stdexcept>
#include <utility>

#include <chat.h>
#include <fmt/format.h>
#include <sampling.h>

#include "engine/llama/answer_format.h"
#include "engine/llama/chat_conversion.h"
#include "engine/llama/grammar_edits.h"
#include "engine/llama/handles.h"
#include "engine/llama/json_schemas.h"
#include "engine/llama/text.h"
#include "engine/llama/text_tools.h"

namespace kvasir {

namespace {

Status check_tools(const ChatPrompt& prompt, const AnswerConstraint& constraint) {
    if (constraint.tool_choice != ToolChoice::kRequired) return {};
    if (prompt.tools.empty())
        return fail(ErrorCode::kInvalidArgument, "a tool must be called, but there are no tools");
    const bool exists =
        constraint.tool_name.empty() ||
        std::any_of(prompt.tools.begin(), prompt.tools.end(),
                    [&](const ToolDefinition& tool) { return tool.name == constraint.tool_name; });
    if (!exists)
        return fail(ErrorCode::kInvalidArgument, fmt::format("there is no tool {}", constraint.tool_name));
    return {};
}

common_chat_tool_choice to_common(ToolChoice choice) {
    switch (choice) {
        case ToolChoice::kAuto:
            return COMMON_CHAT_TOOL_CHOICE_AUTO;
        case ToolChoice::kNone:
            return COMMON_CHAT_TOOL_CHOICE_NONE;
        case ToolChoice::kRequired:
            return COMMON_CHAT_TOOL_CHOICE_REQUIRED;
    }
    return COMMON_CHAT_TOOL_CHOICE_AUTO;
}

Status constrain(common_chat_templates_inputs& inputs, const AnswerConstraint& constraint) {
    inputs.add_generation_prompt = true;
    inputs.tool_choice = to_common(constraint.tool_choice);
    inputs.parallel_tool_calls = constraint.parallel == ParallelToolCalls::kYes;
    const bool required = constraint.tool_choice == ToolChoice::kRequired;
    if (!constraint.json_schema.empty() && !required) {
        KVASIR_TRY_ASSIGN(inputs.json_schema,
                          enforceable_schema(constraint.json_schema, Unenforceable::kRefuse));
        // Most templates of llama-common leave calls out beside a schema, and some the schema beside tools.
        inputs.tools.clear();
        inputs.tool_choice = COMMON_CHAT_TOOL_CHOICE_NONE;
    }
    for (common_chat_tool& tool : inputs.tools) {
        KVASIR_TRY_ASSIGN(tool.parameters, enforceable_schema(tool.parameters, Unenforceable::kDrop));
    }
    if (required && !constraint.tool_name.empty())
        std::erase_if(inputs.tools,
                      [&](const common_chat_tool& tool) { return tool.name != constraint.tool_name; });
    return {};
}

AnswerKind kind_of(const common_chat_templates_inputs& inputs) {
    if (!inputs.json_schema.empty()) return AnswerKind::kJson;
    if (inputs.tool_choice == COMMON_CHAT_TOOL_CHOICE_REQUIRED) return AnswerKind::kCallRequired;
    return AnswerKind::kFree;
}

// A grammar may be refused only when a sampler is made of it: a turn must know before it begins.
void prove(const llama_model& model, const LlamaAnswerFormat& format) {
    common_params_sampling params;
    format.add_to(params);
    const common_sampler_ptr sampler(common_sampler_init(&model, params));
    if (!sampler) throw std::invalid_argument("no sampler can be made of the grammar");
}

}  // namespace

// llama-common lets any text stand before a call that is required, and a model that never begins one would go
// on until its tokens are spent. Where no thoughts can come first, only the calls are left of the grammar:
// what it would have begun with on a trigger, had the calls been optional.
void LlamaText::tighten(common_chat_templates_inputs constrained, AnswerPlan& plan) const {
    if (plan.kind != AnswerKind::kCallRequired || !plan.params.thinking_start_tag.empty()) return;
    constrained.tool_choice = COMMON_CHAT_TOOL_CHOICE_AUTO;
    const common_chat_params optional = common_chat_templates_apply(templates_.get(), constrained);
    const auto is_word = [](const common_grammar_trigger& trigger) {
        return trigger.type == COMMON_GRAMMAR_TRIGGER_TYPE_WORD;
    };
    const auto& triggers = optional.grammar_triggers;
    if (!optional.grammar_lazy || !std::all_of(triggers.begin(), triggers.end(), is_word)) return;
    plan.params.grammar_triggers = triggers;
    if (begin_with_rules_of(optional.grammar, plan.params.grammar)) plan.begins = GrammarBegins::kWithAnswer;
}

AnswerPlan LlamaText::plan_with_template(const common_chat_templates_inputs& constrained) const {
    AnswerPlan plan{common_chat_templates_apply(templates_.get(), constrained), kind_of(constrained)};
    if (plan.params.grammar_lazy) plan.begins = GrammarBegins::kWithTrigger;
    // Some templates that llama-common knows by name do without schemas.
    if (plan.kind == AnswerKind::kJson && plan.params.grammar.empty())
        plan_json_answer(constrained.json_schema, plan);
    return plan;
}

AnswerPlan LlamaText::plan(const ChatPrompt& prompt, const common_chat_templates_inputs& constrained) const {
    if (tools_ == Tools::kInTemplate) {
        AnswerPlan plan = plan_with_template(constrained);
        tighten(constrained, plan);
        if (!constrained.parallel_tool_calls) allow_one_call(plan.params);
        return plan;
    }
    auto plain = to_template_inputs(with_tools_as_text(prompt));
    if (!plain) throw std::invalid_argument(plain.error().message);
    plain->add_generation_prompt = true;
    plain->json_schema = constrained.json_schema;
    AnswerPlan plan = plan_with_template(*plain);
    if (plan.kind == AnswerKind::kJson) return plan;
    plan.kind = kind_of(constrained);
    plan_text_tools(constrained, plan);
    return plan;
}

Result<std::shared_ptr<const AnswerFormat>> LlamaText::make_format(const ChatPrompt& prompt,
                                                                   const AnswerConstraint& constraint) const {
    KVASIR_TRY(check_tools(prompt, constraint));
    KVASIR_TRY_ASSIGN(auto inputs, to_template_inputs(prompt));
    KVASIR_TRY(constrain(inputs, constraint));
    (void)take_llama_errors();
    try {
        AnswerPlan decided = plan(prompt, inputs);
        bound_exponents(decided.params.grammar);
        if (decided.begins == GrammarBegins::kWithPrompt &&
            drop_literal(decided.params.generation_prompt, decided.params.grammar))
            decided.begins = GrammarBegins::kWithAnswer;
        auto format = std::make_shared<const LlamaAnswerFormat>(*vocab_, decided);
        prove(*model_, *format);
        return format;
    } catch (const std::exception& error) {
        const std::string logged = take_llama_errors();
        return fail(ErrorCode::kInvalidArgument,
                    fmt::format("the answer cannot be constrained like this: {}{}{}", error.what(),
                                logged.empty() ? "" : "; ", logged));
    }
}

Result<std::shared_ptr<const AnswerFormat>> LlamaText::plan_answer(const ChatPrompt& prompt,
                                                                   const AnswerConstraint& constraint) const {
    // Where llama-common knows the template by name, messages may matter in other ways, and planning takes no
    // time.
    if (rendering_ == Rendering::kAnalysed) return make_format(prompt, constraint);
    KVASIR_TRY_ASSIGN(const auto rendered, apply_template(prompt));
    const Digest256 key = format_key(prompt, constraint, rendered.generation_prompt);
    if (auto format = formats_.find(key)) return format;
    KVASIR_TRY_ASSIGN(auto format, make_format(prompt, constraint));
    formats_.add(key, format);
    return format;
}

}  // namespace kvasir
