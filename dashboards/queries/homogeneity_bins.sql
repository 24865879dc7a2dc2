-- Prompts by the mean kernel between their answers, ten bins on [0, 1], the wave as a whole.
-- Grain: (kernel, measure, bin). A bin of 0 prompts is a count.
select kernel, measure, bin, bin_low, bin_high, n_prompts, n_prompts_in_all
from out.homogeneity_bins
where wave_id = $wave_id and capability = 'overall' and model = '(all)'
order by kernel, measure, bin
