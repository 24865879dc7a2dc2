-- The kernels between all samples of a prompt, of both waves of a comparison.
-- Grain: (comparison_key, prompt_id, place_a, place_b), place_a <= place_b. A sample that a kernel cannot read is
-- null with itself.
select
    a.comparison_key,
    a.capability,
    a.prompt_id,
    a.n_now,
    a.n_then,
    a.place as place_a,
    b.place as place_b,
    kernels.semantic,
    kernels.distributional,
    0.4 * kernels.semantic + 0.6 * kernels.distributional as combined
from {{ ref('drift_samples') }} as a
inner join {{ ref('drift_samples') }} as b
    on a.comparison_key = b.comparison_key and a.prompt_id = b.prompt_id and a.place <= b.place
inner join {{ ref('drift_text_kernels') }} as kernels
    on least(a.text_key, b.text_key) = kernels.text_a and greatest(a.text_key, b.text_key) = kernels.text_b
