"""What is done, upon whom, with what outcome: the ledger, campaigns, conversations, content and discovery."""

from automation.models.acting import Attempt, Drain, Hold, Lane, Task
from automation.models.asking import LlmBudget, LlmCall, LlmPrice, LlmSettings, LlmSpend, LlmText
from automation.models.browsing import BrowserSession, BrowserSlot, BrowserWait
from automation.models.campaigns import Campaign, Enrolment, Step, Variant
from automation.models.content import Measurement, Post, PostImage, Publication
from automation.models.conversations import Conversation, InboxCursor, Message
from automation.models.discovery import Decision, QualificationRule, Source
from automation.models.enrichment import Avatar, Enrichment, EnrichmentRunner, EnrichmentStep
from automation.models.enrolling import GroupEnrolment
from automation.models.frontier import (
    DiscoveryPlan,
    FrontierEntry,
    Opportunity,
    ProfilePost,
    SeenPage,
)
from automation.models.handles import HandleCheck, HandleResult
from automation.models.health import Breaker
from automation.models.judging import OpenLead, PromptTrial, TargetGroup
from automation.models.onboarding import OnboardingRow, OnboardingRun
from automation.models.proofs import Proof

__all__ = [
    "Attempt",
    "Avatar",
    "Breaker",
    "BrowserSession",
    "BrowserSlot",
    "BrowserWait",
    "Campaign",
    "Conversation",
    "Decision",
    "DiscoveryPlan",
    "Drain",
    "Enrichment",
    "EnrichmentRunner",
    "EnrichmentStep",
    "Enrolment",
    "FrontierEntry",
    "GroupEnrolment",
    "HandleCheck",
    "HandleResult",
    "Hold",
    "InboxCursor",
    "Lane",
    "LlmBudget",
    "LlmCall",
    "LlmPrice",
    "LlmSettings",
    "LlmSpend",
    "LlmText",
    "Measurement",
    "Message",
    "OnboardingRow",
    "OnboardingRun",
    "OpenLead",
    "Opportunity",
    "Post",
    "PostImage",
    "ProfilePost",
    "PromptTrial",
    "Proof",
    "Publication",
    "QualificationRule",
    "SeenPage",
    "Source",
    "Step",
    "TargetGroup",
    "Task",
    "Variant",
]
