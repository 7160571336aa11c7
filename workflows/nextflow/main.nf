// A screen by Nextflow: one task a shard, and the merge behind them.
//
//   deepyeast screen plan PLATE ... --out results --minutes 20
//   nextflow run main.nf --results results
//
// Everything is written into the planned folder, which all tasks must see; nothing is staged.
import groovy.json.JsonSlurper

params.results = null
params.deepyeast = 'deepyeast'
params.threads = 4

process SHARD {
    cpus params.threads
    errorStrategy 'retry'
    maxRetries 2

    input:
    tuple val(results), val(plan), val(shard)

    output:
    val shard

    script:
    """
    ${params.deepyeast} screen run '${results}' --shard ${shard} --plan ${plan} --threads ${task.cpus}
    """
}

process MERGE {
    input:
    val results
    val shards

    script:
    """
    ${params.deepyeast} screen merge '${results}'
    """
}

workflow {
    results = file(params.results, checkIfExists: true).toAbsolutePath().toString()
    plan = new JsonSlurper().parse(file("${results}/plan.json"))
    shards = Channel.from(0..<plan.shards.size()).map { shard -> tuple(results, plan.plan, shard) }
    MERGE(results, SHARD(shards).collect())
}
