"""From raw recordings to the paper's tables. `snakemake --cores all` runs config/config.yaml, the demo."""

from snakemake.utils import min_version

min_version("9.19")


# Configurations given with --configfile stand alone: the demo's subjects must not leak into another run.
if not workflow.overwrite_configfiles:

    configfile: "config/config.yaml"



report: "workflow/report/workflow.rst"


include: "workflow/rules/common.smk"
include: "workflow/rules/corpora.smk"
if RECORDED:

    include: "workflow/rules/preprocess.smk"
    include: "workflow/rules/sequences.smk"
    include: "workflow/rules/look.smk"

else:

    include: "workflow/rules/flows.smk"


include: "workflow/rules/train.smk"
include: "workflow/rules/alarms.smk"
include: "workflow/rules/results.smk"
include: "workflow/rules/audit.smk"


rule all:
    default_target: True
    input:
        final_output(),
