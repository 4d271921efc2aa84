#!/bin/sh
#$ -S /bin/sh
#$ -N {{ name }}
#$ -t 1-{{ shards }}
{% if jobs > 1 %}
#$ -pe smp {{ jobs }}
{% endif %}
#$ -cwd
#$ -V
#$ -j y
{% include "about" %}
# Submit it with: qsub FILE{% if jobs > 1 %} ('smp' is what many sites call the cores of one machine; qconf -spl lists yours)
{% else %}

{% endif %}
cd {{ folder }} && exec {{ command }} --shard "$SGE_TASK_ID/{{ shards }}" --jobs {{ jobs }}
