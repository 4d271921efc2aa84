#!/bin/sh
#SBATCH --job-name={{ name }}
#SBATCH --array=1-{{ shards }}
#SBATCH --cpus-per-task={{ jobs }}
#SBATCH --output={{ name }}-%A_%a.log
{% include "about" %}
# Submit it with: sbatch FILE
cd {{ folder }} && exec {{ command }} --shard "$SLURM_ARRAY_TASK_ID/{{ shards }}" --jobs {{ jobs }}
