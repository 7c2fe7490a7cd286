// Made by `cargo xtask codegen` from botocore 1.44.8. Do not edit.
use crate::wire::wire_enum;

wire_enum! {
    pub enum AccessDirection {
        Inbound = "inbound",
        Outbound = "outbound",
    }
}

wire_enum! {
    pub enum AddOnType {
        AutoSnapshot = "AutoSnapshot",
        StopInstanceOnIdle = "StopInstanceOnIdle",
    }
}

wire_enum! {
    pub enum AppCategory {
        LfR = "LfR",
    }
}

wire_enum! {
    pub enum AutoMountStatus {
        Failed = "Failed",
        Pending = "Pending",
        Mounted = "Mounted",
        NotMounted = "NotMounted",
    }
}

wire_enum! {
    pub enum AutoSnapshotStatus {
        Success = "Success",
        Failed = "Failed",
        InProgress = "InProgress",
        NotFound = "NotFound",
    }
}

wire_enum! {
    pub enum BlueprintType {
        Os = "os",
        App = "app",
    }
}

wire_enum! {
    pub enum Currency {
        Usd = "USD",
    }
}

wire_enum! {
    pub enum DiskSnapshotState {
        Pending = "pending",
        Completed = "completed",
        Error = "error",
        Unknown = "unknown",
    }
}

wire_enum! {
    pub enum DiskState {
        Pending = "pending",
        Error = "error",
        Available = "available",
        InUse = "in-use",
        Unknown = "unknown",
    }
}

wire_enum! {
    pub enum ExportSnapshotRecordSourceType {
        InstanceSnapshot = "InstanceSnapshot",
        DiskSnapshot = "DiskSnapshot",
    }
}

wire_enum! {
    pub enum HttpEndpoint {
        Disabled = "disabled",
        Enabled = "enabled",
    }
}

wire_enum! {
    pub enum HttpProtocolIpv6 {
        Disabled = "disabled",
        Enabled = "enabled",
    }
}

wire_enum! {
    pub enum HttpTokens {
        Optional = "optional",
        Required = "required",
    }
}

wire_enum! {
    pub enum InstanceAccessProtocol {
        Ssh = "ssh",
        Rdp = "rdp",
    }
}

wire_enum! {
    pub enum InstanceHealthStatusDetailName {
        Reachability = "reachability",
    }
}

wire_enum! {
    pub enum InstanceHealthStatusDetailValue {
        Passed = "passed",
        Failed = "failed",
        InsufficientData = "insufficient-data",
        Initializing = "initializing",
    }
}

wire_enum! {
    pub enum InstanceHealthStatusValue {
        Ok = "ok",
        Impaired = "impaired",
        Initializing = "initializing",
        InsufficientData = "insufficient-data",
        NotApplicable = "not-applicable",
    }
}

wire_enum! {
    pub enum InstanceMetadataState {
        Pending = "pending",
        Applied = "applied",
    }
}

wire_enum! {
    pub enum InstanceMetricName {
        CpuUtilization = "CPUUtilization",
        NetworkIn = "NetworkIn",
        NetworkOut = "NetworkOut",
        StatusCheckFailed = "StatusCheckFailed",
        StatusCheckFailedInstance = "StatusCheckFailed_Instance",
        StatusCheckFailedSystem = "StatusCheckFailed_System",
        BurstCapacityTime = "BurstCapacityTime",
        BurstCapacityPercentage = "BurstCapacityPercentage",
        MetadataNoToken = "MetadataNoToken",
        DiskReadOps = "DiskReadOps",
        DiskWriteOps = "DiskWriteOps",
        DiskReadBytes = "DiskReadBytes",
        DiskWriteBytes = "DiskWriteBytes",
        DiskTotalReadTime = "DiskTotalReadTime",
        DiskTotalWriteTime = "DiskTotalWriteTime",
        DiskQueueLength = "DiskQueueLength",
    }
}

wire_enum! {
    pub enum InstancePlatform {
        LinuxUnix = "LINUX_UNIX",
        Windows = "WINDOWS",
    }
}

wire_enum! {
    pub enum InstanceSnapshotState {
        Pending = "pending",
        Error = "error",
        Available = "available",
    }
}

wire_enum! {
    pub enum IpAddressType {
        Dualstack = "dualstack",
        Ipv4 = "ipv4",
        Ipv6 = "ipv6",
    }
}

wire_enum! {
    pub enum MetricStatistic {
        Minimum = "Minimum",
        Maximum = "Maximum",
        Sum = "Sum",
        Average = "Average",
        SampleCount = "SampleCount",
    }
}

wire_enum! {
    pub enum MetricUnit {
        Seconds = "Seconds",
        Microseconds = "Microseconds",
        Milliseconds = "Milliseconds",
        Bytes = "Bytes",
        Kilobytes = "Kilobytes",
        Megabytes = "Megabytes",
        Gigabytes = "Gigabytes",
        Terabytes = "Terabytes",
        Bits = "Bits",
        Kilobits = "Kilobits",
        Megabits = "Megabits",
        Gigabits = "Gigabits",
        Terabits = "Terabits",
        Percent = "Percent",
        Count = "Count",
        BytesPerSecond = "Bytes/Second",
        KilobytesPerSecond = "Kilobytes/Second",
        MegabytesPerSecond = "Megabytes/Second",
        GigabytesPerSecond = "Gigabytes/Second",
        TerabytesPerSecond = "Terabytes/Second",
        BitsPerSecond = "Bits/Second",
        KilobitsPerSecond = "Kilobits/Second",
        MegabitsPerSecond = "Megabits/Second",
        GigabitsPerSecond = "Gigabits/Second",
        TerabitsPerSecond = "Terabits/Second",
        CountPerSecond = "Count/Second",
        None = "None",
    }
}

wire_enum! {
    pub enum NetworkProtocol {
        Tcp = "tcp",
        All = "all",
        Udp = "udp",
        Icmp = "icmp",
        Icmpv6 = "icmpv6",
    }
}

wire_enum! {
    pub enum OperationStatus {
        NotStarted = "NotStarted",
        Started = "Started",
        Failed = "Failed",
        Completed = "Completed",
        Succeeded = "Succeeded",
    }
}

wire_enum! {
    pub enum OperationType {
        DeleteKnownHostKeys = "DeleteKnownHostKeys",
        DeleteInstance = "DeleteInstance",
        CreateInstance = "CreateInstance",
        StopInstance = "StopInstance",
        StartInstance = "StartInstance",
        RebootInstance = "RebootInstance",
        OpenInstancePublicPorts = "OpenInstancePublicPorts",
        PutInstancePublicPorts = "PutInstancePublicPorts",
        CloseInstancePublicPorts = "CloseInstancePublicPorts",
        AllocateStaticIp = "AllocateStaticIp",
        ReleaseStaticIp = "ReleaseStaticIp",
        AttachStaticIp = "AttachStaticIp",
        DetachStaticIp = "DetachStaticIp",
        UpdateDomainEntry = "UpdateDomainEntry",
        DeleteDomainEntry = "DeleteDomainEntry",
        CreateDomain = "CreateDomain",
        DeleteDomain = "DeleteDomain",
        CreateInstanceSnapshot = "CreateInstanceSnapshot",
        DeleteInstanceSnapshot = "DeleteInstanceSnapshot",
        CreateInstancesFromSnapshot = "CreateInstancesFromSnapshot",
        CreateLoadBalancer = "CreateLoadBalancer",
        DeleteLoadBalancer = "DeleteLoadBalancer",
        AttachInstancesToLoadBalancer = "AttachInstancesToLoadBalancer",
        DetachInstancesFromLoadBalancer = "DetachInstancesFromLoadBalancer",
        UpdateLoadBalancerAttribute = "UpdateLoadBalancerAttribute",
        CreateLoadBalancerTlsCertificate = "CreateLoadBalancerTlsCertificate",
        DeleteLoadBalancerTlsCertificate = "DeleteLoadBalancerTlsCertificate",
        AttachLoadBalancerTlsCertificate = "AttachLoadBalancerTlsCertificate",
        CreateDisk = "CreateDisk",
        DeleteDisk = "DeleteDisk",
        AttachDisk = "AttachDisk",
        DetachDisk = "DetachDisk",
        CreateDiskSnapshot = "CreateDiskSnapshot",
        DeleteDiskSnapshot = "DeleteDiskSnapshot",
        CreateDiskFromSnapshot = "CreateDiskFromSnapshot",
        CreateRelationalDatabase = "CreateRelationalDatabase",
        UpdateRelationalDatabase = "UpdateRelationalDatabase",
        DeleteRelationalDatabase = "DeleteRelationalDatabase",
        CreateRelationalDatabaseFromSnapshot = "CreateRelationalDatabaseFromSnapshot",
        CreateRelationalDatabaseSnapshot = "CreateRelationalDatabaseSnapshot",
        DeleteRelationalDatabaseSnapshot = "DeleteRelationalDatabaseSnapshot",
        UpdateRelationalDatabaseParameters = "UpdateRelationalDatabaseParameters",
        StartRelationalDatabase = "StartRelationalDatabase",
        RebootRelationalDatabase = "RebootRelationalDatabase",
        StopRelationalDatabase = "StopRelationalDatabase",
        EnableAddOn = "EnableAddOn",
        DisableAddOn = "DisableAddOn",
        PutAlarm = "PutAlarm",
        GetAlarms = "GetAlarms",
        DeleteAlarm = "DeleteAlarm",
        TestAlarm = "TestAlarm",
        CreateContactMethod = "CreateContactMethod",
        GetContactMethods = "GetContactMethods",
        SendContactMethodVerification = "SendContactMethodVerification",
        DeleteContactMethod = "DeleteContactMethod",
        CreateDistribution = "CreateDistribution",
        UpdateDistribution = "UpdateDistribution",
        DeleteDistribution = "DeleteDistribution",
        ResetDistributionCache = "ResetDistributionCache",
        AttachCertificateToDistribution = "AttachCertificateToDistribution",
        DetachCertificateFromDistribution = "DetachCertificateFromDistribution",
        UpdateDistributionBundle = "UpdateDistributionBundle",
        SetIpAddressType = "SetIpAddressType",
        CreateCertificate = "CreateCertificate",
        DeleteCertificate = "DeleteCertificate",
        CreateContainerService = "CreateContainerService",
        UpdateContainerService = "UpdateContainerService",
        DeleteContainerService = "DeleteContainerService",
        CreateContainerServiceDeployment = "CreateContainerServiceDeployment",
        CreateContainerServiceRegistryLogin = "CreateContainerServiceRegistryLogin",
        RegisterContainerImage = "RegisterContainerImage",
        DeleteContainerImage = "DeleteContainerImage",
        CreateBucket = "CreateBucket",
        DeleteBucket = "DeleteBucket",
        CreateBucketAccessKey = "CreateBucketAccessKey",
        DeleteBucketAccessKey = "DeleteBucketAccessKey",
        UpdateBucketBundle = "UpdateBucketBundle",
        UpdateBucket = "UpdateBucket",
        SetResourceAccessForBucket = "SetResourceAccessForBucket",
        UpdateInstanceMetadataOptions = "UpdateInstanceMetadataOptions",
        StartGuiSession = "StartGUISession",
        StopGuiSession = "StopGUISession",
        SetupInstanceHttps = "SetupInstanceHttps",
        GetProfile = "GetProfile",
        CreateSubdomain = "CreateSubdomain",
        UpdateSubdomainAssociation = "UpdateSubdomainAssociation",
        DeleteSubdomain = "DeleteSubdomain",
    }
}

wire_enum! {
    pub enum PortAccessType {
        Public = "Public",
        Private = "Private",
    }
}

wire_enum! {
    pub enum PortState {
        Open = "open",
        Closed = "closed",
    }
}

wire_enum! {
    pub enum PricingUnit {
        Gb = "GB",
        Hrs = "Hrs",
        GbMo = "GB-Mo",
        Bundles = "Bundles",
        Queries = "Queries",
    }
}

wire_enum! {
    pub enum RecordState {
        Started = "Started",
        Succeeded = "Succeeded",
        Failed = "Failed",
    }
}

wire_enum! {
    pub enum RegionName {
        UsEast1 = "us-east-1",
        UsEast2 = "us-east-2",
        UsWest1 = "us-west-1",
        UsWest2 = "us-west-2",
        EuWest1 = "eu-west-1",
        EuWest2 = "eu-west-2",
        EuWest3 = "eu-west-3",
        EuCentral1 = "eu-central-1",
        EuNorth1 = "eu-north-1",
        EuSouth2 = "eu-south-2",
        CaCentral1 = "ca-central-1",
        ApEast1 = "ap-east-1",
        ApSouth1 = "ap-south-1",
        ApSoutheast1 = "ap-southeast-1",
        ApSoutheast2 = "ap-southeast-2",
        ApNortheast1 = "ap-northeast-1",
        ApNortheast2 = "ap-northeast-2",
        ApSoutheast3 = "ap-southeast-3",
        ApSoutheast5 = "ap-southeast-5",
        SaEast1 = "sa-east-1",
    }
}

wire_enum! {
    pub enum ResourceType {
        ContainerService = "ContainerService",
        Instance = "Instance",
        StaticIp = "StaticIp",
        KeyPair = "KeyPair",
        InstanceSnapshot = "InstanceSnapshot",
        Domain = "Domain",
        PeeredVpc = "PeeredVpc",
        LoadBalancer = "LoadBalancer",
        LoadBalancerTlsCertificate = "LoadBalancerTlsCertificate",
        Disk = "Disk",
        DiskSnapshot = "DiskSnapshot",
        RelationalDatabase = "RelationalDatabase",
        RelationalDatabaseSnapshot = "RelationalDatabaseSnapshot",
        ExportSnapshotRecord = "ExportSnapshotRecord",
        CloudFormationStackRecord = "CloudFormationStackRecord",
        Alarm = "Alarm",
        ContactMethod = "ContactMethod",
        Distribution = "Distribution",
        Certificate = "Certificate",
        Bucket = "Bucket",
        Subdomain = "Subdomain",
    }
}

wire_enum! {
    pub enum Status {
        StartExpired = "startExpired",
        NotStarted = "notStarted",
        Started = "started",
        Starting = "starting",
        Stopped = "stopped",
        Stopping = "stopping",
        SettingUpInstance = "settingUpInstance",
        FailedInstanceCreation = "failedInstanceCreation",
        FailedStartingGuiSession = "failedStartingGUISession",
        FailedStoppingGuiSession = "failedStoppingGUISession",
    }
}
