#include "CManifests.h"

// #embed (C23) takes the files as they are in the repository: deploy/ and webhook-config/ stay the only source.
#pragma clang diagnostic ignored "-Wc23-extensions"
#define FILE_BYTES(name) static const unsigned char name[]
#define ENTRY(path, name) {path, name, sizeof name}

FILE_BYTES(deploy_components_namespace) = {
#embed "../../../deploy/components/namespace.yaml"
};
FILE_BYTES(deploy_crds_actions_odigos_io_addclusterinfos) = {
#embed "../../../deploy/crds/actions.odigos.io_addclusterinfos.yaml"
};
FILE_BYTES(deploy_crds_actions_odigos_io_deleteattributes) = {
#embed "../../../deploy/crds/actions.odigos.io_deleteattributes.yaml"
};
FILE_BYTES(deploy_crds_actions_odigos_io_errorsamplers) = {
#embed "../../../deploy/crds/actions.odigos.io_errorsamplers.yaml"
};
FILE_BYTES(deploy_crds_actions_odigos_io_k8sattributesresolvers) = {
#embed "../../../deploy/crds/actions.odigos.io_k8sattributesresolvers.yaml"
};
FILE_BYTES(deploy_crds_actions_odigos_io_latencysamplers) = {
#embed "../../../deploy/crds/actions.odigos.io_latencysamplers.yaml"
};
FILE_BYTES(deploy_crds_actions_odigos_io_piimaskings) = {
#embed "../../../deploy/crds/actions.odigos.io_piimaskings.yaml"
};
FILE_BYTES(deploy_crds_actions_odigos_io_probabilisticsamplers) = {
#embed "../../../deploy/crds/actions.odigos.io_probabilisticsamplers.yaml"
};
FILE_BYTES(deploy_crds_actions_odigos_io_renameattributes) = {
#embed "../../../deploy/crds/actions.odigos.io_renameattributes.yaml"
};
FILE_BYTES(deploy_crds_actions_odigos_io_servicenamesamplers) = {
#embed "../../../deploy/crds/actions.odigos.io_servicenamesamplers.yaml"
};
FILE_BYTES(deploy_crds_actions_odigos_io_spanattributesamplers) = {
#embed "../../../deploy/crds/actions.odigos.io_spanattributesamplers.yaml"
};
FILE_BYTES(deploy_crds_odigos_io_actions) = {
#embed "../../../deploy/crds/odigos.io_actions.yaml"
};
FILE_BYTES(deploy_crds_odigos_io_collectorsgroups) = {
#embed "../../../deploy/crds/odigos.io_collectorsgroups.yaml"
};
FILE_BYTES(deploy_crds_odigos_io_destinations) = {
#embed "../../../deploy/crds/odigos.io_destinations.yaml"
};
FILE_BYTES(deploy_crds_odigos_io_instrumentationconfigs) = {
#embed "../../../deploy/crds/odigos.io_instrumentationconfigs.yaml"
};
FILE_BYTES(deploy_crds_odigos_io_instrumentationinstances) = {
#embed "../../../deploy/crds/odigos.io_instrumentationinstances.yaml"
};
FILE_BYTES(deploy_crds_odigos_io_instrumentationrules) = {
#embed "../../../deploy/crds/odigos.io_instrumentationrules.yaml"
};
FILE_BYTES(deploy_crds_odigos_io_processors) = {
#embed "../../../deploy/crds/odigos.io_processors.yaml"
};
FILE_BYTES(deploy_crds_odigos_io_recommendations) = {
#embed "../../../deploy/crds/odigos.io_recommendations.yaml"
};
FILE_BYTES(deploy_crds_odigos_io_samplings) = {
#embed "../../../deploy/crds/odigos.io_samplings.yaml"
};
FILE_BYTES(deploy_crds_odigos_io_sources) = {
#embed "../../../deploy/crds/odigos.io_sources.yaml"
};
FILE_BYTES(deploy_components_configuration) = {
#embed "../../../deploy/components/configuration.yaml"
};
FILE_BYTES(deploy_components_deployment) = {
#embed "../../../deploy/components/deployment.yaml"
};
FILE_BYTES(deploy_components_odiglet) = {
#embed "../../../deploy/components/odiglet.yaml"
};
FILE_BYTES(deploy_components_odiglet_local) = {
#embed "../../../deploy/components/odiglet-local.yaml"
};
FILE_BYTES(deploy_components_node_agent_policy) = {
#embed "../../../deploy/components/node-agent-policy.yaml"
};
FILE_BYTES(deploy_components_autoscaler) = {
#embed "../../../deploy/components/autoscaler.yaml"
};
FILE_BYTES(deploy_components_scheduler) = {
#embed "../../../deploy/components/scheduler.yaml"
};
FILE_BYTES(deploy_components_instrumentor) = {
#embed "../../../deploy/components/instrumentor.yaml"
};
FILE_BYTES(webhook_config_pod_webhook) = {
#embed "../../../webhook-config/pod-webhook.yaml"
};
FILE_BYTES(webhook_config_source_webhooks) = {
#embed "../../../webhook-config/source-webhooks.yaml"
};
FILE_BYTES(webhook_config_action_webhook) = {
#embed "../../../webhook-config/action-webhook.yaml"
};

static const odigos_manifest manifests[] = {
    ENTRY("deploy/components/namespace.yaml", deploy_components_namespace),
    ENTRY("deploy/crds/actions.odigos.io_addclusterinfos.yaml", deploy_crds_actions_odigos_io_addclusterinfos),
    ENTRY("deploy/crds/actions.odigos.io_deleteattributes.yaml", deploy_crds_actions_odigos_io_deleteattributes),
    ENTRY("deploy/crds/actions.odigos.io_errorsamplers.yaml", deploy_crds_actions_odigos_io_errorsamplers),
    ENTRY("deploy/crds/actions.odigos.io_k8sattributesresolvers.yaml", deploy_crds_actions_odigos_io_k8sattributesresolvers),
    ENTRY("deploy/crds/actions.odigos.io_latencysamplers.yaml", deploy_crds_actions_odigos_io_latencysamplers),
    ENTRY("deploy/crds/actions.odigos.io_piimaskings.yaml", deploy_crds_actions_odigos_io_piimaskings),
    ENTRY("deploy/crds/actions.odigos.io_probabilisticsamplers.yaml", deploy_crds_actions_odigos_io_probabilisticsamplers),
    ENTRY("deploy/crds/actions.odigos.io_renameattributes.yaml", deploy_crds_actions_odigos_io_renameattributes),
    ENTRY("deploy/crds/actions.odigos.io_servicenamesamplers.yaml", deploy_crds_actions_odigos_io_servicenamesamplers),
    ENTRY("deploy/crds/actions.odigos.io_spanattributesamplers.yaml", deploy_crds_actions_odigos_io_spanattributesamplers),
    ENTRY("deploy/crds/odigos.io_actions.yaml", deploy_crds_odigos_io_actions),
    ENTRY("deploy/crds/odigos.io_collectorsgroups.yaml", deploy_crds_odigos_io_collectorsgroups),
    ENTRY("deploy/crds/odigos.io_destinations.yaml", deploy_crds_odigos_io_destinations),
    ENTRY("deploy/crds/odigos.io_instrumentationconfigs.yaml", deploy_crds_odigos_io_instrumentationconfigs),
    ENTRY("deploy/crds/odigos.io_instrumentationinstances.yaml", deploy_crds_odigos_io_instrumentationinstances),
    ENTRY("deploy/crds/odigos.io_instrumentationrules.yaml", deploy_crds_odigos_io_instrumentationrules),
    ENTRY("deploy/crds/odigos.io_processors.yaml", deploy_crds_odigos_io_processors),
    ENTRY("deploy/crds/odigos.io_recommendations.yaml", deploy_crds_odigos_io_recommendations),
    ENTRY("deploy/crds/odigos.io_samplings.yaml", deploy_crds_odigos_io_samplings),
    ENTRY("deploy/crds/odigos.io_sources.yaml", deploy_crds_odigos_io_sources),
    ENTRY("deploy/components/configuration.yaml", deploy_components_configuration),
    ENTRY("deploy/components/deployment.yaml", deploy_components_deployment),
    ENTRY("deploy/components/odiglet.yaml", deploy_components_odiglet),
    ENTRY("deploy/components/odiglet-local.yaml", deploy_components_odiglet_local),
    ENTRY("deploy/components/node-agent-policy.yaml", deploy_components_node_agent_policy),
    ENTRY("deploy/components/autoscaler.yaml", deploy_components_autoscaler),
    ENTRY("deploy/components/scheduler.yaml", deploy_components_scheduler),
    ENTRY("deploy/components/instrumentor.yaml", deploy_components_instrumentor),
    ENTRY("webhook-config/pod-webhook.yaml", webhook_config_pod_webhook),
    ENTRY("webhook-config/source-webhooks.yaml", webhook_config_source_webhooks),
    ENTRY("webhook-config/action-webhook.yaml", webhook_config_action_webhook),
};

size_t odigos_manifests_count(void) { return sizeof manifests / sizeof manifests[0]; }

odigos_manifest odigos_manifest_at(size_t index) { return manifests[index]; }
