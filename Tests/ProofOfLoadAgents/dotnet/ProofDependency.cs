/// <summary>What the agent finds only by the variables that lead to its own packages.</summary>
public static class ProofDependency
{
}
