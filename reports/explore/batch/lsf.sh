#!/bin/sh
#BSUB -J "{{ name }}[1-{{ shards }}]"
#BSUB -n {{ jobs }}
#BSUB -R "span[hosts=1]"
#BSUB -o {{ name }}-%J_%I.log
{% include "about" %}
# Submit it with: bsub < FILE
cd {{ folder }} && exec {{ command }} --shard "$LSB_JOBINDEX/{{ shards }}" --jobs {{ jobs }}
