-- Which shapes each model's answers take, over all capabilities. Grain: (model); `(all)`: every counted model together.
-- entropy_bits: of the shares of seven classes, 0 = always one shape. collapse_bits: entropy at epoch 0 less now.
select
    model,
    purpose,
    entropy_bits,
    ci_low,
    ci_high,
    dominant_class,
    dominant_share,
    prose_share,
    one_liner_share,
    bullets_share,
    numbered_list_share,
    headings_share,
    table_share,
    code_share,
    n_models,
    n_prompts,
    n_answers,
    reason,
    experiment,
    epoch,
    epoch_0_wave_id,
    n_matched_prompts,
    collapse_bits,
    collapse_ci_low,
    collapse_ci_high,
    first_epoch,
    first_epoch_share,
    collapse_reason
from out.format_entropy
where wave_id = $wave_id and capability = 'overall'
order by model <> '(all)', entropy_bits desc nulls last, model
